"""Schedules: a row per due time, so that any number of tickers start each job exactly once."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from cronsim import CronSim, CronSimError

from ..clock import now, to_text
from ..context import system_scope
from ..data.records import database_of
from ..errors import StartupError
from ..logs.repeated_errors import RepeatedErrors
from .declarations import Job
from .queue import enqueue
from .records import ScheduleTick

#: Clock difference beyond which a clock is considered wrong.
_TOLERANCE = timedelta(seconds=5)
_log = structlog.get_logger("aasim.jobs")


def claim_due(schedule: str, due: datetime) -> bool:
    """Claim this due time of `schedule` for the running transaction; returns False if it was claimed before.

    A due time older than a claimed one is never new: clocks may step back, and missed times are not made up.
    """
    latest = latest_claimed(schedule, database_of(ScheduleTick).time() + _TOLERANCE)
    return (latest is None or latest < due) and _write(schedule, due)


def latest_claimed(schedule: str, until: datetime) -> datetime | None:
    """Return the last claimed due time of `schedule`, not later than `until`.

    A process whose clock was ahead may have claimed a future one; that does not prevent claims of earlier ones.
    """
    claimed = ScheduleTick.select().where(ScheduleTick.schedule == schedule, ScheduleTick.due_at <= until)
    tick = claimed.order_by(ScheduleTick.due_at.desc()).first()
    return None if tick is None else tick.due_at


def _write(schedule: str, due: datetime) -> bool:
    database_of(ScheduleTick).current_transaction()
    query = ScheduleTick.insert(schedule=schedule, due_at=due).on_conflict_ignore()
    return bool(query.as_rowcount().execute())


class Schedules:
    """One ticker's view of the jobs with a schedule."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = [job for job in jobs if job.schedule]
        self._next: dict[str, datetime] = {}
        self._repeated = RepeatedErrors()
        for job in self._jobs:
            self._next[job.name] = previous_due(job, now())

    def tick(self) -> int:
        """Enqueue the due jobs; returns their number. However many due times were missed, a job runs once to catch up."""
        started = 0
        for job in self._jobs:
            if now() >= self._next[job.name]:
                due = previous_due(job, self._moment())
                started += self._start(job.name, due)
                self._next[job.name] = next_due(job, due)
        return started

    def _moment(self) -> datetime:
        """Return the current time; where this machine's clock is ahead of the database's, which all machines share, the latter."""
        moment, shared = now(), database_of(ScheduleTick).time()
        if moment <= shared + _TOLERANCE:
            return moment
        if (count := self._repeated.count("ahead")) is not None:
            seconds = round((moment - shared).total_seconds(), 1)
            _log.warning("the clock of this machine is ahead of the database's; correct it", seconds=seconds, count=count)
        return shared

    def _start(self, name: str, due: datetime) -> bool:
        with system_scope("start the jobs that are due"), database_of(ScheduleTick).transaction():
            # Nothing was missed before the first start: its due time is only recorded.
            is_first = latest_claimed(name, due) is None
            if not claim_due(name, due) or is_first:
                return False
            enqueue(name, {"due": to_text(due)})
            return True


def previous_due(job: Job, moment: datetime) -> datetime:
    """Return a job's last due time at or before `moment`; StartupError if its schedule is not a cron expression."""
    try:
        return next(CronSim(str(job.schedule), moment.replace(microsecond=0) + timedelta(seconds=1), reverse=True))
    except (CronSimError, StopIteration) as error:
        raise StartupError(
            f'the schedule "{job.schedule}" of the job {job.name} is not a cron expression ({error}); write one such as "0 3 * * *"'
        ) from error


def next_due(job: Job, moment: datetime) -> datetime:
    """Return a job's first due time after `moment`."""
    return next(CronSim(str(job.schedule), moment))
