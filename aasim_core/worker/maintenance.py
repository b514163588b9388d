"""A worker's maintenance duties: promote delayed jobs, take over those of dead workers, unpark, and tick schedules."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
from peewee import SQL

from ..clock import now, to_text
from ..context import system_scope
from ..data.compiled import compiled
from ..data.statements import Bind
from ..jobs.errors import LeaseLost
from ..jobs.lease import Lease
from ..jobs.leases import Leases
from ..jobs.records import DELAYED, PARKED, QUEUED, STUCK, JobRow
from ..jobs.schedules import Schedules
from ..jobs.search_range import SearchRange
from ..jobs.worker_liveness import Presence
from . import outcomes
from .job_availability import JobFeatures

if TYPE_CHECKING:
    from ..app import App

_ROWS_AT_ONCE = 500
_log = structlog.get_logger("aasim.jobs")


class Maintenance:
    """One worker's share of maintaining the job table; any number of workers may do it concurrently."""

    def __init__(self, app: "App", leases: Leases, presence: Presence, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._clock = clock
        self._leases = leases
        self._presence = presence
        self._features = JobFeatures(app)
        self._schedules = Schedules(app.jobs.values())
        self._delayed = SearchRange()
        self._silent_since: dict[tuple[str, str | None], float] = {}

    def make_ready(self) -> bool:
        """Promote delayed jobs whose time has come; returns whether there were any."""
        with system_scope("make delayed jobs ready"), self._delayed.search() as since:
            due = {"since": since, "moment": to_text(now())}
            if _due.one(1, **due) is None:
                return False
            change = _make_ready.statement(self._app.database.for_update)
            while change.run_alone(self._app.database, due, durable=False).rowcount == _ROWS_AT_ONCE:
                pass
        return True

    def tick(self) -> int:
        """Start the scheduled jobs that are due; returns their number."""
        return self._schedules.tick()

    def take_over(self) -> int:
        """Revoke the jobs of workers that are dead, or silent for longer than the lease; returns their number."""
        with system_scope("take over the jobs of dead workers"):
            # In this order: a worker that ends in between is found dead on the next pass, with all its leases.
            dead = set(self._presence.dead())
            leased = [lease for lease in self._leases.leased() if lease.owner != self._leases.owner]
            silent = self._silent(leased)
            count = 0
            for lease in leased:
                if lease.owner in dead:
                    count += self._crashed(lease, f"its worker {lease.owner} ended")
                elif lease in silent:
                    count += self._crashed(lease, f"its worker {lease.owner} gave no sign of life")
        for owner in dead:
            self._presence.forget(owner)
        return count

    def _silent(self, leased: list[Lease]) -> list[Lease]:
        """Return those whose heartbeat has not changed for the duration of a lease, by this process's own clock."""
        moment = self._clock()
        self._silent_since = {
            (lease.token, lease.heartbeat_at): self._silent_since.get((lease.token, lease.heartbeat_at), moment)
            for lease in leased
        }
        limit = self._app.settings.worker.lease_seconds
        return [lease for lease in leased if moment - self._silent_since[lease.token, lease.heartbeat_at] > limit]

    def _crashed(self, lease: Lease, reason: str) -> bool:
        try:
            outcomes.crashed(self._app, self._leases, lease, reason)
        except LeaseLost:
            return False
        return True

    def unpark(self) -> int:
        """Requeue parked jobs whose plugin is enabled again; returns their number. What was left to ended processes is claimed again."""
        count = 0
        with system_scope("unpark jobs"):
            self._leases.claim_again(self._features.is_known)
            kinds = JobRow.name, JobRow.plugin, JobRow.organization_id
            parked: Any = JobRow.select(*kinds).where(STUCK, JobRow.state == PARKED).distinct()
            for name, plugin, organization_id in list(parked.tuples()):
                if self._features.why_off(name, plugin, organization_id) is None:
                    count += self._unpark(name, plugin, organization_id)
        return count

    def _unpark(self, name: str, plugin: str, organization_id: str) -> int:
        theirs = (JobRow.name == name) & (JobRow.plugin == plugin) & (JobRow.organization_id == organization_id)
        with self._app.database.transaction():
            changes = {"state": QUEUED, "error": None}
            count = int(JobRow.update(changes).where(STUCK, JobRow.state == PARKED, theirs).execute())
        _log.info("parked jobs are back in the queue", job=name, plugin=plugin, organization_id=organization_id, count=count)
        return count


def _due_query(limit: int) -> Any:
    return JobRow.select(JobRow.id).where(DELAYED, JobRow.run_at >= Bind("since"), JobRow.run_at <= Bind("moment")).limit(limit)


_due = compiled(JobRow)(_due_query)


@compiled(JobRow)
def _make_ready(with_locks: bool) -> Any:
    due = _due_query(_ROWS_AT_ONCE)
    if with_locks:
        due = due.for_update(skip_locked=True)
    return JobRow.update({JobRow.delayed: SQL("false")}).where(JobRow.id.in_(due))
