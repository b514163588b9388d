"""Doing jobs: the threads of a worker, what becomes of each job, and what keeps the job table going."""
