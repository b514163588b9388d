"""Claim jobs and record their end: a worker's every write is fenced by the token of its lease."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import peewee
from peewee import SQL, fn

from ..clock import from_text, now, to_text
from ..data.persistence import persist
from ..data.statements import Bind
from .errors import LeaseLost
from .lease import COLUMNS, Lease
from .records import CANCELLED, DONE, LEASED, PARKED, QUEUED, READY, RUNNING, UNIQUE, JobRow

if TYPE_CHECKING:
    from ..data.database import Database

#: Crashes of its worker after which a job is dead.
CRASHES_UNTIL_DEAD = 3
_LONGEST_ERROR = 2000
_T = TypeVar("_T")
#: How long a worker starts its search where it found the last job.
_AT_A_PLACE_SECONDS = 0.25
#: How much later than its time a job may become visible: transactions take a while, and clocks of machines differ.
_LATE = timedelta(seconds=1)


class _Place(NamedTuple):
    """Where a worker found its last job: the next organization by id has the next turn, otherwise the next job there.

    Jobs due before `since` are not searched. PostgreSQL's index still contains finished jobs while an older snapshot is open; scanning them
    would make every poll slower.
    """

    turn: str
    priority: int
    run_at: str
    since: str


#: No real time equals these: all are after the first and before the second.
_EVER, _NEVER = "", "~"


#: Where to search for the next job: the first of these that has one.
_IN_TURN: tuple[Callable[[Any], Any], ...] = (
    lambda job: job.organization_id > Bind("turn"),
    lambda job: job.organization_id < Bind("turn"),
    lambda job: (job.organization_id == Bind("turn")) & (job.priority == Bind("priority")) & (job.run_at >= Bind("run_at")),
    lambda job: job.organization_id == Bind("turn"),
)


class Leases:
    """The leases on the jobs of one database, claimed and held by the worker `owner`.

    `notify` is called when a job was requeued that is ready at once.
    """

    def __init__(self, database: "Database", owner: str, notify: Callable[[], object] = lambda: None) -> None:
        self.database = database
        self._claims = database.for_claims()
        self.owner = owner
        self._notify = notify
        self._place = _Place("", 0, _NEVER, _EVER)
        self._leave_at = 0.0
        self._is_behind = True
        #: The kinds of jobs, as name and plugin, that are left to other workers.
        self._left: tuple[tuple[str, str], ...] = ()

    def may_have_ready(self) -> bool:
        """Return whether a claim is worthwhile: a check without locks. On PostgreSQL, a claim that finds nothing takes none either."""
        if self.database.for_update:
            return True
        with self._claims.connected():
            return self._claims.statement(partial(_ready_query, self._left)).run(self._claims, {}).fetchone() is not None

    def claim(self) -> Lease | None:
        """Claim the next ready job, of the next organization in turn; None when there is none. Needs a system scope."""
        values = {"owner": self.owner, "token": token_hex(8), "moment": to_text(now()), **self._beginning()._asdict()}
        with self._claims.connected():
            claim = self._claims.statement(partial(self._claim_query, self._left))
            row = claim.run_alone(self._claims, values, durable=False).fetchone()
        lease = None if row is None else self._taken(*row)
        if values["since"] == _EVER:
            self._is_behind = lease is not None and not lease.is_last
        return lease

    def _taken(self, *row: Any) -> Lease:
        *columns, priority, run_at = row
        lease = Lease(*columns)
        before = min(from_text(run_at), now()) - _LATE
        self._place = _Place(lease.organization_id, priority, run_at, to_text(before))
        return lease

    def _beginning(self) -> _Place:
        """Return where to begin: at the last job's position, but periodically at the front, where older or more urgent jobs may have come.

        A worker that is behind searches all positions; only if the last search from the front left nothing may it skip earlier ones.
        """
        moment, place = time.monotonic(), self._place
        if moment < self._leave_at:
            return place._replace(since=_EVER) if self._is_behind else place
        self._leave_at = moment + _AT_A_PLACE_SECONDS
        return place._replace(run_at=_NEVER, since=_EVER)

    def _claim_query(self, left: Sequence[tuple[str, str]]) -> Any:
        changes = {
            JobRow.state: SQL("'running'"),
            JobRow.lease_owner: Bind("owner"),
            JobRow.lease_token: Bind("token"),
            JobRow.heartbeat_at: Bind("moment"),
            JobRow.started_at: Bind("moment"),
            JobRow.attempt: SQL("attempt + 1"),
        }
        # In a SELECT of its own, because row-level security prevents an index search for a COALESCE expression.
        next_one = peewee.Select([], [fn.COALESCE(*[self._next_job(place, left) for place in _IN_TURN])])
        is_last = peewee.Expression(self._another(left), peewee.OP.IS, None)
        returned = *COLUMNS, is_last, JobRow.priority, JobRow.run_at
        return JobRow.update(changes).where(JobRow.id == next_one).returning(*returned)

    def _another(self, left: Sequence[tuple[str, str]]) -> Any:
        """Search from the end for a ready job: at the front, PostgreSQL's index still contains finished ones."""
        other = JobRow.alias("other")
        backwards = other.organization_id.desc(), other.priority, other.run_at.desc(), other.id.desc()
        found = READY, other.run_at >= Bind("since"), other.id != JobRow.id, *_none_of(left, other)
        return other.select(SQL("1")).where(*found).order_by(*backwards).limit(1)

    def _next_job(self, place: Callable[[Any], Any], left: Sequence[tuple[str, str]]) -> Any:
        job, twin = JobRow.alias("job"), JobRow.alias("twin")
        same = (twin.organization_id == job.organization_id) & (twin.name == job.name) & (twin.unique_key == job.unique_key)
        free = job.unique_key.is_null() | ~fn.EXISTS(twin.select(SQL("1")).where(LEASED, same))
        order = (job.organization_id, job.priority.desc(), job.run_at, job.id)
        wanted = READY, place(job), job.run_at >= Bind("since"), free, *_none_of(left, job)
        query = job.select(job.id).where(*wanted).order_by(*order).limit(1)
        return query.for_update(skip_locked=True) if self.database.for_update else query

    def renew(self, lease: Lease, progress: bool = False) -> None:
        """Verify the lease and update its heartbeat; LeaseLost. With `progress` the job's count of crashes is reset."""
        forgotten = {"crash_count": 0} if progress else {}
        self._fenced(lease, heartbeat_at=to_text(now()), **forgotten)

    def complete(self, lease: Lease) -> None:
        """Mark the job done."""
        self._end(lease, DONE)

    def give_up(self, lease: Lease, state: str, reason: str) -> None:
        """Mark the job ``failed`` or ``dead`` for good."""
        self._end(lease, state, reason)

    def hand_back(self, lease: Lease, run_at: datetime | None = None) -> None:
        """Requeue the job; this attempt does not count."""
        self._requeue(lease, QUEUED, lease.attempt - 1, run_at)

    def leave(self, lease: Lease) -> bool:
        """Requeue the job for another worker, and claim no more of its kind; returns whether it is the first of that kind."""
        kind = (lease.name, lease.plugin)
        is_first = kind not in self._left
        if is_first:
            self._left += (kind,)
        self.hand_back(lease)
        return is_first

    def retry(self, lease: Lease, run_at: datetime, reason: str) -> None:
        """Requeue the job for another attempt."""
        self._requeue(lease, QUEUED, lease.attempt, run_at, reason)

    def park(self, lease: Lease, reason: str) -> None:
        """Park the job until its plugin is enabled."""
        self._requeue(lease, PARKED, lease.attempt - 1, error=reason)

    def requeue_crashed(self, lease: Lease, reason: str) -> None:
        """Requeue a job whose worker has died."""
        self._requeue(lease, QUEUED, lease.attempt - 1, error=reason, crashes=1)

    def _requeue(
        self, lease: Lease, state: str, attempt: int, run_at: datetime | None = None, error: str | None = None, crashes: int = 0
    ) -> None:
        moment = now()
        due = moment if run_at is None else max(run_at, moment)
        values = {
            "state": state,
            "delayed": due > moment,
            "run_at": to_text(due),
            "attempt": attempt,
            "error": error and error[:_LONGEST_ERROR],
            "crash_count": lease.crash_count + crashes,
        }
        is_alone = not self.database.is_in_transaction
        try:
            self._put_back(lease, values, is_ready=state == QUEUED and due == moment)
        except peewee.IntegrityError:
            if not is_alone:
                raise
            self._put_back(lease, values, is_ready=False)  # a twin was enqueued meanwhile, and is found now

    def _put_back(self, lease: Lease, values: dict[str, Any], *, is_ready: bool) -> None:
        with self.database.transaction() as transaction:
            if lease.unique_key is not None and self._has_twin(lease):
                self._end(lease, CANCELLED, "another job with the same unique key does what this one was for")
                return
            self._fenced(lease, **values)
            if is_ready:
                transaction.after_commit.append(self._notify)

    def _has_twin(self, lease: Lease) -> bool:
        values = {"organization_id": lease.organization_id, "name": lease.name, "unique_key": lease.unique_key}
        return self.database.statement(_twin_query).run(self.database, values).fetchone() is not None

    def _end(self, lease: Lease, state: str, reason: str | None = None) -> None:
        self._fenced(lease, state=state, finished_at=to_text(now()), error=reason and reason[:_LONGEST_ERROR])

    def _fenced(self, lease: Lease, **changes: Any) -> None:
        """Write these columns of the job and a new mark if the lease still holds; LeaseLost."""
        lease.mark = changes["last_write"] = token_hex(8)
        change = self.database.statement(partial(_fenced_query, tuple(changes)))
        ours = {"lease_id": lease.job_id, "lease_token": lease.token, "lease_state": RUNNING}
        if not change.change_one(self.database, {**changes, **ours}):
            self.database.fail_transaction()
            raise LeaseLost(f"job {lease.job_id} ({lease.name}) belongs to another worker, or was cancelled")

    def persist(self, lease: Lease, work: Callable[[], _T]) -> _T | None:
        """Run `work`, a transaction that writes under the lease; see `persistence.persist`. Within another transaction, that one counts."""
        if self.database.is_in_transaction:
            return work()
        before = lease.mark
        return persist(work, lambda: lease.mark != before and self._has_written(lease))

    def _has_written(self, lease: Lease) -> bool:
        values = {"id": lease.job_id, "token": lease.token, "mark": lease.mark}
        return self.database.statement(_written_query).run(self.database, values).fetchone() is not None

    def heartbeat(self) -> None:
        """Update the heartbeat of every job of this worker. Needs a system scope."""
        values = {"owner": self.owner, "moment": to_text(now())}
        self.database.statement(_heartbeat_query).run_alone(self.database, values, durable=False)

    def leased(self) -> list[Lease]:
        """Return all leases of all workers. Needs a system scope."""
        return [Lease(*row) for row in self.database.statement(_leased_query).run(self.database, {}).fetchall()]


# These statements also run over the claims' connections, so they are not `compiled` for a record's database.


def _ready_query(left: Sequence[tuple[str, str]]) -> Any:
    return JobRow.select(SQL("1")).where(READY, *_none_of(left, JobRow)).limit(1)


def _none_of(kinds: Sequence[tuple[str, str]], job: Any) -> list[Any]:
    return [(job.name != name) | (job.plugin != plugin) for name, plugin in kinds]


def _leased_query() -> Any:
    return JobRow.select(*COLUMNS).where(LEASED)


def _heartbeat_query() -> Any:
    return JobRow.update({JobRow.heartbeat_at: Bind("moment")}).where(LEASED, JobRow.lease_owner == Bind("owner"))


def _written_query() -> Any:
    mine = (JobRow.id == Bind("id")) & (JobRow.lease_token == Bind("token")) & (JobRow.last_write == Bind("mark"))
    return JobRow.select(SQL("1")).where(mine)


def _twin_query() -> Any:
    return JobRow.select(SQL("1")).where(
        UNIQUE, *[getattr(JobRow, column) == Bind(column) for column in ("organization_id", "name", "unique_key")]
    )


def _fenced_query(columns: Sequence[str]) -> Any:
    # Not `LEASED`: PostgreSQL would scan an index of all jobs that ran since the last vacuum.
    ours = (JobRow.id == Bind("lease_id")) & (JobRow.lease_token == Bind("lease_token")) & (JobRow.state == Bind("lease_state"))
    return JobRow.update({getattr(JobRow, column): Bind(column) for column in columns}).where(ours)
