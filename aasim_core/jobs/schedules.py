"""Schedules: a row for each due time, so that any number of tickers start each job once for it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from cronsim import CronSim, CronSimError

from ..clock import now, to_text
from ..context import system_scope
from ..data.records import database_of
from ..errors import StartupError
from ..logs.configuration import Seldom
from .declarations import Job
from .queue import enqueue
from .records import ScheduleTick

#: How far clocks may differ before one is taken for wrong.
_TOLERANCE = timedelta(seconds=5)
_log = structlog.get_logger("aasim.jobs")


def claim_due(schedule: str, due: datetime) -> bool:
    """Whether this due time of `schedule` is new; it then belongs to the running transaction, and to nobody else ever.

    An older due time than one that was claimed is never new: clocks step back, and what was missed meanwhile is past.
    """
    latest = latest_claimed(schedule, database_of(ScheduleTick).time() + _TOLERANCE)
    return (latest is None or latest < due) and _write(schedule, due)


def latest_claimed(schedule: str, until: datetime) -> datetime | None:
    """The last due time of `schedule`, not later than `until`, that somebody claimed.

    Somebody whose clock was ahead may have claimed one that is still to come; it does not keep those before it from being claimed.
    """
    claimed = ScheduleTick.select().where(ScheduleTick.schedule == schedule, ScheduleTick.due_at <= until)
    tick = claimed.order_by(ScheduleTick.due_at.desc()).first()
    return None if tick is None else tick.due_at


def _write(schedule: str, due: datetime) -> bool:
    database_of(ScheduleTick).current_transaction()
    query = ScheduleTick.insert(schedule=schedule, due_at=due).on_conflict_ignore()
    return bool(query.as_rowcount().execute())


class Schedules:
    """The schedules of the jobs that have one, as one ticker sees them."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = [job for job in jobs if job.schedule]
        self._next: dict[str, datetime] = {}
        self._seldom = Seldom()
        for job in self._jobs:
            self._next[job.name] = previous_due(job, now())

    def tick(self) -> int:
        """Enqueue the jobs that are due; returns how many. However many due times were missed, a job is caught up on once."""
        started = 0
        for job in self._jobs:
            if now() >= self._next[job.name]:
                due = previous_due(job, self._moment())
                started += self._start(job.name, due)
                self._next[job.name] = next_due(job, due)
        return started

    def _moment(self) -> datetime:
        """The present moment; where this machine's clock is ahead of the database's, which all machines share, the latter's."""
        moment, shared = now(), database_of(ScheduleTick).time()
        if moment <= shared + _TOLERANCE:
            return moment
        if (count := self._seldom.count("ahead")) is not None:
            seconds = round((moment - shared).total_seconds(), 1)
            _log.warning("the clock of this machine is ahead of the database's; correct it", seconds=seconds, count=count)
        return shared

    def _start(self, name: str, due: datetime) -> bool:
        with system_scope("start the jobs that are due"), database_of(ScheduleTick).transaction():
            # Nothing was missed before the first start: its due time is only noted.
            is_first = latest_claimed(name, due) is None
            if not claim_due(name, due) or is_first:
                return False
            enqueue(name, {"due": to_text(due)})
            return True


def previous_due(job: Job, moment: datetime) -> datetime:
    """The last due time of a job at `moment` or before; StartupError if its schedule is no cron expression."""
    try:
        return next(CronSim(str(job.schedule), moment.replace(microsecond=0) + timedelta(seconds=1), reverse=True))
    except (CronSimError, StopIteration) as error:
        raise StartupError(
            f'the schedule "{job.schedule}" of the job {job.name} is no cron expression ({error}); write one such as "0 3 * * *"'
        ) from error


def next_due(job: Job, moment: datetime) -> datetime:
    """The first due time of a job after `moment`."""
    return next(CronSim(str(job.schedule), moment))
