"""The core's scheduled job that prunes the job table."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from peewee import fn

from ..clock import now
from ..data.records import database_of
from .declarations import Job
from .records import ENDED, JobRow, ScheduleTick

if TYPE_CHECKING:
    from .context import JobContext

#: How long done and cancelled jobs are retained; failed and dead ones stay until they are discarded.
KEEP = timedelta(hours=1)
KEEP_DUE_TIMES = timedelta(days=7)
_ROWS_AT_ONCE = 500


def core_jobs() -> tuple[Job, ...]:
    """The housekeeping jobs."""
    return (Job("core.prune_jobs", prune, schedule="*/10 * * * *"),)


def prune(context: "JobContext", payload: Mapping[str, Any]) -> None:
    """Delete jobs that ended long ago, in batches small enough not to block others."""
    before = now() - KEEP
    while not context.should_stop() and _prune_batch(before) == _ROWS_AT_ONCE:
        pass
    _prune_due_times(now() - KEEP_DUE_TIMES)


def _prune_batch(before: datetime) -> int:
    old = JobRow.select(JobRow.id).where(ENDED, JobRow.finished_at < before).limit(_ROWS_AT_ONCE)
    with database_of(JobRow).transaction():
        return int(JobRow.delete().where(JobRow.id.in_(old)).execute())


def _prune_due_times(before: datetime) -> None:
    later = ScheduleTick.alias("later")
    newest = later.select(fn.MAX(later.due_at)).where(later.schedule == ScheduleTick.schedule)
    with database_of(ScheduleTick).transaction():
        ScheduleTick.delete().where((ScheduleTick.due_at < before) & (ScheduleTick.due_at < newest)).execute()
