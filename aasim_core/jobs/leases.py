"""Claim jobs and record their end: a worker's every write is fenced by the token of its lease."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any, TypeVar

import peewee
from peewee import SQL

from ..clock import now, to_text
from ..data.persistence import persist
from ..data.statements import Bind
from .claims import Claims
from .errors import LeaseLost
from .lease import COLUMNS, Lease
from .records import CANCELLED, DONE, LEASED, PARKED, QUEUED, RUNNING, UNIQUE, JobRow

if TYPE_CHECKING:
    from ..data.database import Database

#: Crashes of its worker after which a job is dead.
CRASHES_UNTIL_DEAD = 3
_LONGEST_ERROR = 2000
_T = TypeVar("_T")


class Leases:
    """The leases on the jobs of one database, claimed and held by the worker `owner`.

    `notify` is called when a job was requeued that is ready at once.
    """

    def __init__(self, database: "Database", owner: str, notify: Callable[[], object] = lambda: None) -> None:
        self.database = database
        self._claims = Claims(database, owner)
        self.owner = owner
        self._notify = notify

    def may_have_ready(self) -> bool:
        """See `Claims.may_have_ready`."""
        return self._claims.may_have_ready()

    def claim(self) -> Lease | None:
        """See `Claims.claim`."""
        return self._claims.claim()

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
        is_first = self._claims.leave((lease.name, lease.plugin))
        self.hand_back(lease)
        return is_first

    def claim_again(self, is_known: Callable[[str, str], bool]) -> None:
        """Claim jobs again of the kinds, given by name and plugin, that are known by now."""
        self._claims.claim_again(is_known)

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
            **({"crash_count": lease.crash_count + crashes} if crashes else {}),  # or else it may have been reset since the claim
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
        ended = {"state": state, "finished_at": to_text(now()), "error": reason and reason[:_LONGEST_ERROR]}
        if lease.unique_key is None:
            self._fenced(lease, **ended)
            return
        with self.database.transaction() as transaction:
            self._fenced(lease, **ended)
            transaction.after_commit.append(partial(self._claims.wait_at, lease))

    def _fenced(self, lease: Lease, **changes: Any) -> None:
        """Write these columns of the job and a new mark if the lease still holds; LeaseLost."""
        lease.mark = changes["last_write"] = token_hex(8)
        change = self.database.statement(_fenced_query, tuple(changes))
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
    # As an expression: else PostgreSQL might scan the index of all jobs that ran since the last vacuum.
    is_leased = JobRow.state.concat("") == Bind("lease_state")
    ours = (JobRow.id == Bind("lease_id")) & (JobRow.lease_token == Bind("lease_token")) & is_leased
    return JobRow.update({getattr(JobRow, column): Bind(column) for column in columns}).where(ours)
