"""Durable background work: declarations, the job table, schedules and the worker."""

from .context import GiveUp, JobContext, LeaseLost
from .declarations import Job, Retry
from .queue import depth, enqueue

__all__ = ["GiveUp", "Job", "JobContext", "LeaseLost", "Retry", "depth", "enqueue"]
