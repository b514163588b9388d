"""Durable background work: declarations, the job table, leases and schedules."""

from .context import JobContext
from .declarations import Job, Retry
from .errors import GiveUp, LeaseLost
from .queue import depth, enqueue
from .records import DEAD

__all__ = ["DEAD", "GiveUp", "Job", "JobContext", "LeaseLost", "Retry", "depth", "enqueue"]
