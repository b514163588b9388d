"""The worker: its threads, the outcomes of jobs, and the maintenance of the job table."""
