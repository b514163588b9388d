"""The context of a job's function: its organization, its time limit, and the fence around its writes."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from typing import TypeVar

from ..context import EVERY_ORGANIZATION, system_scope
from .lease import Lease
from .leases import Leases

_T = TypeVar("_T")


class JobContext:
    """One run of one job.

    `organization_id` is None for the system's own jobs. `lease_token` identifies this run. `deadline` is on the clock of `time.monotonic`.
    A job that runs in `each_organization` ends when it has run in all of them: there it neither completes nor hands itself back.
    """

    def __init__(
        self, lease: Lease, leases: Leases, *, deadline: float, draining: Callable[[], bool], each_organization: bool = False
    ) -> None:
        self._lease = lease
        self._leases = leases
        self._draining = draining
        self._each_organization = each_organization
        self.deadline = deadline
        self.lost = False
        self.settled = False
        #: Whether the worker's grace period is over, so that work that cannot wait for a safe place must end now.
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
        """The number of this attempt, from 1. Runs cut short by a crash or a drain are not counted."""
        return self._lease.attempt

    @property
    def is_last_attempt(self) -> bool:
        return self._lease.attempt >= self._lease.max_attempts

    def remaining(self) -> float:
        """Seconds until the time limit; 0 when it has passed."""
        return max(0.0, self.deadline - time.monotonic())

    def should_stop(self) -> bool:
        """Whether to stop at the next safe place: the worker drains, the time is up, or the lease is lost."""
        return self.lost or self._draining() or time.monotonic() >= self.deadline

    def fence(self) -> None:
        """Verify the lease inside an effect's transaction; raises `LeaseLost`, which rolls the effect back."""
        self._renew()

    def checkpoint(self) -> None:
        """Fence a step that need not be repeated; this also resets the count of crashes, because the job has made progress."""
        self._renew(progress=True)

    def _renew(self, *, progress: bool = False) -> None:
        # The job's row belongs to no organization, and so is not in the scope in which such a job runs.
        with system_scope("verify the lease of a job of all organizations") if self._each_organization else nullcontext():
            self._leases.renew(self._lease, progress)

    def persist(self, work: Callable[[], _T]) -> _T | None:
        """Run `work` and return its result; retry it after storage failures while the lease may hold.

        It is a read or a transaction that changes nothing but rows and what `ScopedDatabase.on_rollback` restores. A transaction with a
        fence or the job's end in it never runs twice: if it turns out to be committed, None is returned.
        """
        return self._leases.persist(self._lease, work)

    def complete(self) -> None:
        """Mark the job done, in the running transaction if there is one: effect and completion then commit together or not at all.

        RuntimeError in a job that runs in each organization.
        """
        self._settle(lambda: self._leases.complete(self._lease))

    def hand_back(self, run_at: datetime | None = None) -> None:
        """Requeue the job for `run_at`, in the running transaction if there is one; the attempt is not counted.

        RuntimeError in a job that runs in each organization.
        """
        self._settle(lambda: self._leases.hand_back(self._lease, run_at))

    def _settle(self, write: Callable[[], None]) -> None:
        if self._each_organization:
            told = f"{self.name} runs in each organization, and is done when it has run in all of them"
            raise RuntimeError(f"{told}: leave out context.complete() and context.hand_back(), or call context.fence()")
        with self._leases.database.transaction() as transaction:
            write()
            transaction.after_commit.append(self._mark_settled)

    def _mark_settled(self) -> None:
        self.settled = True
