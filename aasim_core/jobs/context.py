"""What a job's function is given: who it works for, how long it may take, and the fence around what it writes."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from ..context import EVERY_ORGANIZATION
from .lease import Lease
from .leases import Leases

_T = TypeVar("_T")


class JobContext:
    """One run of one job.

    `organization_id` is None for the system's own jobs. `lease_token` names this run and no other. `deadline` is on the clock of
    `time.monotonic`.
    """

    def __init__(self, lease: Lease, leases: Leases, *, deadline: float, draining: Callable[[], bool]) -> None:
        self._lease = lease
        self._leases = leases
        self._draining = draining
        self.deadline = deadline
        self.lost = False
        self.settled = False
        #: Whether the worker's time of grace is over, so that what cannot wait for a safe place has to end now.
        self.must_end = False

    @property
    def job_id(self) -> str:
        return self._lease.job_id

    @property
    def name(self) -> str:
        return self._lease.name

    @property
    def organization_id(self) -> str | None:
        return None if self._lease.organization_id == EVERY_ORGANIZATION else self._lease.organization_id

    @property
    def lease_token(self) -> str:
        return self._lease.token

    @property
    def attempt(self) -> int:
        """Which attempt this is; the first is 1. Runs that a crash or a drain cut short are not counted."""
        return self._lease.attempt

    @property
    def is_last_attempt(self) -> bool:
        return self._lease.attempt >= self._lease.max_attempts

    def remaining(self) -> float:
        """Seconds until the time limit, 0 when it has passed."""
        return max(0.0, self.deadline - time.monotonic())

    def should_stop(self) -> bool:
        """Whether to stop at the next safe place: the worker drains, the time is up, or the job is not ours any more."""
        return self.lost or self._draining() or time.monotonic() >= self.deadline

    def fence(self) -> None:
        """Inside the transaction of an effect: make sure that the job is still ours, or raise `LeaseLost`, which undoes the effect."""
        self._leases.renew(self._lease)

    def checkpoint(self) -> None:
        """The fence for a step that need not be repeated: it also forgets the crashes before it, for the job got further."""
        self._leases.renew(self._lease, progress=True)

    def persist(self, work: Callable[[], _T]) -> _T | None:
        """Do `work` and return what it returns; where the storage fails, do it again, as long as the lease may hold.

        It is a read or a transaction, which changes nothing but rows and what `ScopedDatabase.on_undo` puts back. One with a fence or
        the end of the job in it is not done twice: if it turns out to be committed already, None is returned.
        """
        return self._leases.persist(self._lease, work)

    def complete(self) -> None:
        """Mark the job done, in the running transaction if there is one: effect and completion then commit together, or neither."""
        self._settle(lambda: self._leases.complete(self._lease))

    def hand_back(self, run_at: datetime | None = None) -> None:
        """Put the job back into the queue for `run_at`, in the running transaction if there is one; the attempt is not counted."""
        self._settle(lambda: self._leases.hand_back(self._lease, run_at))

    def _settle(self, write: Callable[[], None]) -> None:
        with self._leases.database.transaction() as transaction:
            write()
            transaction.after_commit.append(self._mark_settled)

    def _mark_settled(self) -> None:
        self.settled = True
