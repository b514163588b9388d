"""Run one job: its scope, its function, and the record of its end."""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from ..context import EVERY_ORGANIZATION, organization_scope, system_scope
from ..data.installation import held_since
from ..data.persistence import patient
from ..jobs.context import JobContext
from ..jobs.declarations import Job
from ..jobs.errors import GiveUp, LeaseLost, TryAgain
from ..jobs.lease import Lease
from ..jobs.leases import Leases
from ..jobs.records import LEASED, JobRow
from ..outbound.egress import Held
from . import outcomes
from .job_availability import JobFeatures

if TYPE_CHECKING:
    from ..app import App

_log = structlog.get_logger("aasim.jobs")


class Runner:
    """Runs the jobs of one worker. `running` holds those in progress, by lease token."""

    def __init__(self, app: "App", leases: Leases) -> None:
        self._app = app
        self._leases = leases
        self._features = JobFeatures(app)
        self._lease_seconds = app.settings.worker.lease_seconds
        self.running: dict[str, JobContext] = {}

    def run(self, lease: Lease) -> None:
        """Run the job and record its outcome. Raises the database's error when that cannot be written."""
        try:
            with patient(self._lease_seconds):
                if self._is_known(lease) and self._is_on(lease):
                    with outcomes.scope_of(lease):
                        self._do(lease)
        except LeaseLost as error:
            _log.warning("a job was taken away while it ran; what it had not committed is undone", reason=str(error))

    def _is_known(self, lease: Lease) -> bool:
        """Return whether this version runs such jobs; if not, the job is left to a worker that does."""
        if self._features.is_known(lease.name, lease.plugin):
            return True
        if self._leases.persist(lease, lambda: self._leases.leave(lease)):
            _log.warning("jobs of this kind are left to a worker that knows them", **outcomes.facts(lease))
        return False

    def _is_on(self, lease: Lease) -> bool:
        """Return whether the job's plugin is enabled; if not, the job is parked. When this cannot be determined, the attempt has failed."""
        try:
            reason = self._features.why_off(lease.name, lease.plugin, lease.organization_id)
        except Exception as error:  # noqa: BLE001 - a plugin's hook decides too
            told = outcomes.explain(self._app, lease, error)
            self._leases.persist(lease, lambda: outcomes.failed(self._app, self._leases, lease, told))
            return False
        if reason is not None:
            self._leases.persist(lease, lambda: self._leases.park(lease, reason))
            _log.info("a job is parked", **outcomes.facts(lease), reason=reason)
        return reason is None

    def _do(self, lease: Lease) -> None:
        job = self._app.jobs[lease.name]
        deadline = time.monotonic() + job.time_limit
        in_each = job.per_organization is not None and lease.organization_id == EVERY_ORGANIZATION
        context = JobContext(
            lease, self._leases, deadline=deadline, draining=lambda: self._must_rest(lease), each_organization=in_each
        )
        self.running[lease.token] = context
        try:
            function = partial(self._do_everywhere, job) if in_each else job.function
            with patient(self._lease_seconds, lambda: not context.lost):
                self._leases.persist(lease, self._end_of(function, context, lease))
        finally:
            self.running.pop(lease.token, None)

    def _do_everywhere(self, job: Job, context: JobContext, payload: Any) -> None:
        """Run the job for each of its organizations where its plugin is enabled; a failure does not hold up the others.

        Raises the first failure at the end, so that the job is retried.
        """
        failures: list[Exception] = []
        for organization_id in job.per_organization() if job.per_organization else ():
            if context.should_stop():
                break
            if self._features.why_off(job.name, job.plugin, organization_id) is None:
                try:
                    with organization_scope(organization_id):
                        job.function(context, payload)
                except LeaseLost:
                    raise
                except Exception as error:  # noqa: BLE001 - it is raised again below
                    failures.append(error)
        if failures:
            raise failures[0]

    def _must_rest(self, lease: Lease) -> bool:
        """Whether running jobs must stop at the next safe place: this worker drains, the installation is held, or the
        organization is halted.
        """
        return (
            self._app.draining.is_set() or held_since() is not None or self._features.is_halted(lease.name, lease.organization_id)
        )

    def _end_of(self, function: Callable[[JobContext, Any], Any], context: JobContext, lease: Lease) -> Callable[[], None]:
        """Call the function; returns the outcome to record."""
        try:
            with self._app.spans.begin("job", lease.name, job_id=lease.job_id, attempt=lease.attempt):
                function(context, lease.read_payload())
        except LeaseLost:
            raise
        except Held:
            return lambda: self._leases.hand_back(lease)
        except (GiveUp, TryAgain) as error:
            reason, may_retry = str(error), isinstance(error, TryAgain)
            return lambda: outcomes.failed(self._app, self._leases, lease, reason, may_retry=may_retry)
        except BaseException as error:  # noqa: BLE001 - whatever a job raises, also SystemExit, is that job's failure
            _log.info("a job raised", **outcomes.facts(lease), exc_info=error)
            reason = outcomes.explain(self._app, lease, error)
            return lambda: outcomes.failed(self._app, self._leases, lease, reason)
        return _nothing if context.settled else lambda: self._leases.complete(lease)


def _nothing() -> None:
    """The outcome of a job that has already recorded its end."""


def work_off(app: "App", owner: str = "by-hand") -> int:
    """Run the ready jobs one after the other in this thread until there are none; returns their number. For tests and tools.

    RuntimeError for a job whose function returned and whose end was not written, although no other worker took the job.
    """
    leases = Leases(app.database, owner)
    runner = Runner(app, leases)
    count = 0
    with app.database.connected(), system_scope("do the jobs that are ready"):
        while (lease := leases.claim()) is not None:
            runner.run(lease)
            if JobRow.select().where(JobRow.id == lease.job_id, JobRow.lease_token == lease.token, LEASED).exists():
                raise RuntimeError(
                    f"the job {lease.name} ran to its end, and is not done: its last write was in another scope than the job's"
                )
            count += 1
    return count
