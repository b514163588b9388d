"""Doing one job: its scope, its function, and what is written when that has ended."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import peewee
import structlog

from ..context import system_scope
from . import outcomes
from .context import GiveUp, JobContext, LeaseLost
from .features import JobFeatures
from .leases import Lease, Leases

if TYPE_CHECKING:
    from ..app import App

_PAUSES = (0.2, 1.0, 5.0)
_log = structlog.get_logger("aasim.jobs")


class Runner:
    """Does the jobs of one worker. `running` holds what is being done, by lease token."""

    def __init__(self, app: "App", leases: Leases) -> None:
        self._app = app
        self._leases = leases
        self._features = JobFeatures(app)
        self.running: dict[str, JobContext] = {}

    def run(self, lease: Lease) -> None:
        """Do the job and write how it went. Raises what the database raises when that cannot be written."""
        try:
            if self._is_on(lease):
                with outcomes.scope_of(lease):
                    self._do(lease)
        except LeaseLost as error:
            _log.warning("a job was taken away while it ran; what it had not committed is undone", reason=str(error))

    def _is_on(self, lease: Lease) -> bool:
        """Whether what does the job is turned on; if not, it is parked. When that cannot be found out, the attempt has failed."""
        try:
            reason = self._features.why_off(lease.name, lease.organization_id)
        except Exception as error:  # noqa: BLE001 - a plugin's hook decides too
            told = outcomes.explain(error)
            self._write(lambda: outcomes.failed(self._app, self._leases, lease, told))
            return False
        if reason is not None:
            self._leases.park(lease, reason)
            _log.info("a job is parked", **outcomes.facts(lease), reason=reason)
        return reason is None

    def _do(self, lease: Lease) -> None:
        job = self._app.jobs[lease.name]
        deadline = time.monotonic() + job.time_limit
        context = JobContext(lease, self._leases, deadline=deadline, draining=lambda: self._must_rest(lease))
        self.running[lease.token] = context
        try:
            end = self._end_of(job.function, context, lease)
            self._write(end)
        finally:
            self.running.pop(lease.token, None)

    def _must_rest(self, lease: Lease) -> bool:
        """Whether what runs must stop at the next safe place: this worker drains, or the organization is halted."""
        return self._app.draining.is_set() or self._features.is_halted(lease.name, lease.organization_id)

    def _end_of(self, function: Callable[[JobContext, Any], Any], context: JobContext, lease: Lease) -> Callable[[], None]:
        """Call the function; returns what is to be written about it."""
        try:
            function(context, lease.read_payload())
        except LeaseLost:
            raise
        except GiveUp as error:
            reason = str(error)
            return lambda: outcomes.failed(self._app, self._leases, lease, reason, may_retry=False)
        except BaseException as error:  # noqa: BLE001 - whatever a job raises, also SystemExit, is that job's failure
            _log.info("a job raised", **outcomes.facts(lease), exc_info=error)
            reason = outcomes.explain(error)
            return lambda: outcomes.failed(self._app, self._leases, lease, reason)
        return _nothing if context.settled else lambda: self._leases.complete(lease)

    def _write(self, end: Callable[[], None]) -> None:
        """Write how the job ended; a database that is away for some seconds does not make the job be done again."""
        pauses = iter(_PAUSES)
        while not self._is_written(end, next(pauses, None)):
            pass

    def _is_written(self, end: Callable[[], None], pause: float | None) -> bool:
        database = self._leases.database
        try:
            with database.connected():
                end()
        except (peewee.OperationalError, peewee.InterfaceError, peewee.IntegrityError):
            if pause is None:
                raise
            database.close()
            time.sleep(pause)
            return False
        return True


def _nothing() -> None:
    """What is written about a job that has written its end itself."""


def work_off(app: "App", owner: str = "by-hand") -> int:
    """Do the jobs that are ready, one after the other in this thread, until there are none; returns how many. For tests and tools."""
    leases = Leases(app.database, owner)
    runner = Runner(app, leases)
    count = 0
    with app.database.connected(), system_scope("do the jobs that are ready"):
        while (lease := leases.claim()) is not None:
            runner.run(lease)
            count += 1
    return count
