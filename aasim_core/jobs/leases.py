"""Taking jobs out of the queue and bringing them to an end: each write of a worker is fenced by the token of its lease."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import peewee
from peewee import SQL, fn

from ..clock import now, to_text
from ..context import Actor
from ..data.statements import Bind
from .context import LeaseLost
from .records import CANCELLED, DONE, LEASED, PARKED, QUEUED, READY, RUNNING, UNIQUE, JobRow

if TYPE_CHECKING:
    from ..data.connect import Database

#: After so many crashes of a worker that ran it, a job is dead.
CRASHES_UNTIL_DEAD = 3
_LONGEST_ERROR = 2000
#: For so long a worker begins to look where it found the last job.
_AT_A_PLACE_SECONDS = 0.25


class _Place(NamedTuple):
    """Where a worker found its last job: the next organization in order of ids has the next turn, or else the next job there."""

    turn: str
    priority: int
    run_at: str


#: No time is written so: nothing lies behind it.
_NOWHERE = "~"


@dataclass(frozen=True)
class Lease:
    """One worker's right to do one job, as long as nobody takes it away. `payload` and `actor` are JSON.

    `is_last` is whether no other job was ready when this one was taken.
    """

    job_id: str
    token: str
    owner: str
    organization_id: str
    name: str
    payload: str
    attempt: int
    max_attempts: int
    crash_count: int
    unique_key: str | None
    request_id: str | None
    traceparent: str | None
    actor: str
    heartbeat_at: str | None
    is_last: bool = False

    @property
    def may_be_followed(self) -> bool:
        """Whether another job may be ready when this one ends, of which no ring tells: it was there before, or waits for this end.

        All others wait for the end of one that runs alone because it crashed before.
        """
        return not self.is_last or self.unique_key is not None or self.crash_count > 0

    def acting(self) -> Actor:
        """Who is responsible for what the job does: whoever enqueued it."""
        actor = orjson.loads(self.actor)
        return Actor(actor["type"], actor["id"], actor["label"], actor.get("ip"))

    def read_payload(self) -> Any:
        return orjson.loads(self.payload)


_LEASE = (
    JobRow.id,
    JobRow.lease_token,
    JobRow.lease_owner,
    JobRow.organization_id,
    JobRow.name,
    JobRow.payload,
    JobRow.attempt,
    JobRow.max_attempts,
    JobRow.crash_count,
    JobRow.unique_key,
    JobRow.request_id,
    JobRow.traceparent,
    JobRow.actor,
    JobRow.heartbeat_at,
)


#: Where the next job is looked for: the first of these that has one.
_IN_TURN: tuple[Callable[[Any], Any], ...] = (
    lambda job: job.organization_id > Bind("turn"),
    lambda job: job.organization_id < Bind("turn"),
    lambda job: (job.organization_id == Bind("turn")) & (job.priority == Bind("priority")) & (job.run_at >= Bind("run_at")),
    lambda job: job.organization_id == Bind("turn"),
)


class Leases:
    """The leases on the jobs of one database, as the worker `owner` takes and keeps them.

    `ring` is called when a job was put back that can be done at once.
    """

    def __init__(self, database: "Database", owner: str, ring: Callable[[], object] = lambda: None) -> None:
        self.database = database
        self._claims = database.for_claims()
        self.owner = owner
        self._ring = ring
        self._place = _Place("", 0, _NOWHERE)
        self._leave_at = 0.0

    def may_have_ready(self) -> bool:
        """Whether it is worth to claim: a glance that takes no lock. On PostgreSQL, a claim that finds nothing takes none either."""
        if self.database.for_update:
            return True
        with self._claims.connected():
            ready = self._claims.statement(("job", "ready"), lambda: JobRow.select(SQL("1")).where(READY).limit(1))
            return ready.run(self._claims, {}).fetchone() is not None

    def claim(self) -> Lease | None:
        """Take the next ready job, of the next organization in turn, or None when there is none. Needs a system scope."""
        values = {"owner": self.owner, "token": token_hex(8), "moment": to_text(now()), **self._beginning()._asdict()}
        with self._claims.connected():
            claim = self._claims.statement(("job", "claim"), self._claim_query)
            row = claim.run_alone(self._claims, values, durable=False).fetchone()
        if row is None:
            return None
        *columns, priority, run_at = row
        lease = Lease(*columns)
        self._place = _Place(lease.organization_id, priority, run_at)
        return lease

    def _beginning(self) -> _Place:
        """Where to begin: at the last job's place, but from time to time at the front, where older or more urgent ones may have come."""
        moment, place = time.monotonic(), self._place
        if moment < self._leave_at:
            return place
        self._leave_at = moment + _AT_A_PLACE_SECONDS
        return place._replace(run_at=_NOWHERE)

    def _claim_query(self) -> Any:
        changes = {
            JobRow.state: SQL("'running'"),
            JobRow.lease_owner: Bind("owner"),
            JobRow.lease_token: Bind("token"),
            JobRow.heartbeat_at: Bind("moment"),
            JobRow.started_at: Bind("moment"),
            JobRow.attempt: SQL("attempt + 1"),
        }
        # In a SELECT of its own, because row-level security lets no index be searched for what COALESCE gives.
        next_one = peewee.Select([], [fn.COALESCE(*map(self._next_job, _IN_TURN))])
        is_last = peewee.Expression(self._another(), peewee.OP.IS, None)
        returned = *_LEASE, is_last, JobRow.priority, JobRow.run_at
        return JobRow.update(changes).where(JobRow.id == next_one).returning(*returned)

    def _another(self) -> Any:
        """One that is ready too, looked for from the end: at the front, PostgreSQL's index still has all that were there before."""
        other = JobRow.alias("other")
        backwards = other.organization_id.desc(), other.priority, other.run_at.desc(), other.id.desc()
        return other.select(SQL("1")).where(READY, other.id != JobRow.id).order_by(*backwards).limit(1)

    def _next_job(self, place: Callable[[Any], Any]) -> Any:
        job, twin = JobRow.alias("job"), JobRow.alias("twin")
        same = (twin.organization_id == job.organization_id) & (twin.name == job.name) & (twin.unique_key == job.unique_key)
        free = job.unique_key.is_null() | ~fn.EXISTS(twin.select(SQL("1")).where(LEASED, same))
        order = (job.organization_id, job.priority.desc(), job.run_at, job.id)
        query = job.select(job.id).where(READY, place(job), free).order_by(*order).limit(1)
        return query.for_update(skip_locked=True) if self.database.for_update else query

    def renew(self, lease: Lease, progress: bool = False) -> None:
        """Make sure that the lease holds, and give a sign of life; LeaseLost. With `progress` the job's crashes are forgotten."""
        crashes = {JobRow.crash_count: SQL("0")} if progress else {}
        self._fenced(lease, ("renew", progress), lambda: {JobRow.heartbeat_at: Bind("moment"), **crashes}, moment=to_text(now()))

    def complete(self, lease: Lease) -> None:
        """The job is done."""
        self._end(lease, DONE)

    def give_up(self, lease: Lease, state: str, reason: str) -> None:
        """The job is ``failed`` or ``dead`` for good."""
        self._end(lease, state, reason)

    def hand_back(self, lease: Lease, run_at: datetime | None = None) -> None:
        """Put the job back; this attempt was none."""
        self._requeue(lease, QUEUED, run_at, lease.attempt - 1)

    def retry(self, lease: Lease, run_at: datetime, reason: str) -> None:
        """Put the job back for another attempt."""
        self._requeue(lease, QUEUED, run_at, lease.attempt, error=reason)

    def park(self, lease: Lease, reason: str) -> None:
        """Put the job aside until what does it is turned on."""
        self._requeue(lease, PARKED, None, lease.attempt - 1, error=reason)

    def requeue_crashed(self, lease: Lease, reason: str) -> None:
        """Put a job back whose worker is gone."""
        self._requeue(lease, QUEUED, None, lease.attempt - 1, error=reason, crashes=lease.crash_count + 1)

    def _requeue(
        self,
        lease: Lease,
        state: str,
        run_at: datetime | None,
        attempt: int,
        *,
        error: str | None = None,
        crashes: int | None = None,
    ) -> None:
        moment = now()
        due = moment if run_at is None else max(run_at, moment)
        columns = ("state", "delayed", "run_at", "attempt", "error", "crash_count")
        with self.database.transaction() as transaction:
            if lease.unique_key is not None and self._has_twin(lease):
                self._end(lease, CANCELLED, "another job with the same unique key does what this one was for")
                return
            self._fenced(
                lease,
                "requeue",
                lambda: {getattr(JobRow, column): Bind(column) for column in columns},
                state=state,
                delayed=due > moment,
                run_at=to_text(due),
                attempt=attempt,
                error=error and error[:_LONGEST_ERROR],
                crash_count=lease.crash_count if crashes is None else crashes,
            )
            if state == QUEUED and due == moment:
                transaction.after_commit.append(self._ring)

    def _has_twin(self, lease: Lease) -> bool:
        same = [getattr(JobRow, column) == Bind(column) for column in ("organization_id", "name", "unique_key")]
        found = self._run(
            "twin",
            lambda: JobRow.select(SQL("1")).where(UNIQUE, *same),
            organization_id=lease.organization_id,
            name=lease.name,
            unique_key=lease.unique_key,
        )
        return found.fetchone() is not None

    def _end(self, lease: Lease, state: str, reason: str | None = None) -> None:
        changes = {JobRow.state: Bind("state"), JobRow.finished_at: Bind("moment"), JobRow.error: Bind("error")}
        error = reason and reason[:_LONGEST_ERROR]
        self._fenced(lease, "end", lambda: changes, state=state, moment=to_text(now()), error=error)

    def _fenced(self, lease: Lease, key: Any, changes: Callable[[], Mapping[Any, Any]], **values: Any) -> None:
        # Not `LEASED`: PostgreSQL would look through an index of all jobs that are being done, and were since it was last tidied.
        ours = (JobRow.id == Bind("id")) & (JobRow.lease_token == Bind("token")) & (JobRow.state == Bind("running"))
        change = self.database.statement(("job", key), lambda: JobRow.update(changes()).where(ours))
        if not change.change_one(self.database, {"id": lease.job_id, "token": lease.token, "running": RUNNING, **values}):
            self.database.fail_transaction()
            raise LeaseLost(f"job {lease.job_id} ({lease.name}) belongs to another worker, or was cancelled")

    def heartbeat(self) -> None:
        """Give a sign of life for every job of this worker. Needs a system scope."""
        mine = JobRow.lease_owner == Bind("owner")
        beat = self.database.statement(
            ("job", "heartbeat"), lambda: JobRow.update({JobRow.heartbeat_at: Bind("moment")}).where(LEASED, mine)
        )
        beat.run_alone(self.database, {"owner": self.owner, "moment": to_text(now())}, durable=False)

    def leased(self) -> list[Lease]:
        """All leases of all workers. Needs a system scope."""
        return [Lease(*row) for row in self._run("leased", lambda: JobRow.select(*_LEASE).where(LEASED)).fetchall()]

    def _run(self, key: Any, build: Callable[[], Any], **values: Any) -> Any:
        return self.database.statement(("job", key), build).run(self.database, values)
