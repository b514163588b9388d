"""Scheduling of flows: their records as the kernel's values, and the job that finds due times."""
