"""The threads of a worker: each claims a job, runs it, and claims the next; idle ones sleep until they are notified."""

import threading
import time
from typing import TYPE_CHECKING

import structlog

from ..context import system_scope
from ..jobs.context import JobContext
from ..jobs.errors import LeaseLost
from ..jobs.lease import Lease
from ..jobs.leases import CRASHES_UNTIL_DEAD, Leases
from ..logs.configuration import Seldom, kind_of
from . import outcomes
from .exclusive_gate import Company
from .idle_threads import Wakeups
from .runner import Runner

if TYPE_CHECKING:
    from ..app import App

#: How long a timed-out job may take to notice, before its thread is abandoned.
NOTICE_SECONDS = 1.0
#: How long a lease that no thread holds is left alone: a thread may be about to take it.
ORPHAN_SECONDS = 10.0
_log = structlog.get_logger("aasim.jobs")


class _Hand(threading.Thread):
    """One thread; `lease` is the job that it runs. A `dismissed` thread takes no further job."""

    def __init__(self, pool: "Pool", number: int) -> None:
        super().__init__(name=f"job-{number}", daemon=True)
        self._pool = pool
        self.lease: Lease | None = None
        self.dismissed = False

    def run(self) -> None:
        self._pool.work(self)


class Pool:
    """A fixed number of threads that run jobs; `is_told` is whether each new job has its own notification."""

    def __init__(self, app: "App", leases: Leases, size: int, *, is_told: bool = False) -> None:
        self._app = app
        self._leases = leases
        self._size = size
        self._is_told = is_told
        self._runner = Runner(app, leases)
        self._company = Company()
        self._hands: list[_Hand] = []
        self._stuck: list[_Hand] = []
        self._seldom = Seldom()
        self._orphans: dict[str, float] = {}
        self.wakeups = Wakeups()

    def start(self) -> None:
        """Begin to claim jobs."""
        for _ in range(self._size):
            self._hire()

    def _hire(self) -> None:
        hand = _Hand(self, len(self._hands) + len(self._stuck) + 1)
        self._hands.append(hand)
        hand.start()

    def work(self, hand: _Hand) -> None:
        """A thread's loop until the worker drains."""
        with system_scope("claim the jobs of every organization"):
            while self._goes_on(hand):
                try:
                    self._work_off(hand)
                except Exception as error:  # noqa: BLE001 - a thread that ends would never be missed
                    if (count := self._seldom.count(kind_of(error))) is not None:
                        _log.error("a worker cannot continue for now", error=kind_of(error), count=count)
                    self._app.database.close()
                    self._app.draining.wait(1)
                self.wakeups.wait()

    def _goes_on(self, hand: _Hand) -> bool:
        return not (hand.dismissed or self._app.draining.is_set())

    def _work_off(self, hand: _Hand) -> None:
        """Run one job after the other over one connection, until the next notification."""
        look_first = True
        with self._app.database.connected():
            while self._goes_on(hand) and self._turn(hand, look_first=look_first):
                look_first = False

    def _turn(self, hand: _Hand, *, look_first: bool) -> bool:
        """Claim one job and run it; returns whether to search for another before the next notification."""
        self.wakeups.answer()
        if look_first and not self._leases.may_have_ready():
            return False
        if not self._company.enter(hand):
            return False
        try:
            lease = hand.lease = self._leases.claim()
            if lease is None:
                return False
            if not lease.is_last:  # one notification may stand for many jobs
                self.wakeups.ring()
            self._do(hand, lease)
        finally:
            hand.lease = None
            self._company.leave(hand)
        return lease.may_be_followed or not self._is_told

    def _do(self, hand: _Hand, lease: Lease) -> None:
        draining = self._app.draining.is_set
        is_suspect = lease.crash_count >= CRASHES_UNTIL_DEAD - 1
        if draining() or (is_suspect and not self._company.be_alone(hand, draining)):
            self._leases.hand_back(lease)
        else:
            self._runner.run(lease)

    @property
    def is_busy(self) -> bool:
        """Return whether any thread runs a job or is stuck in one."""
        return self.stuck > 0 or any(hand.lease is not None for hand in self._hands)

    @property
    def running(self) -> list[JobContext]:
        """Return the running jobs."""
        return list(self._runner.running.values())

    def end_overdue(self) -> None:
        """Fail the jobs whose time is up, and replace the threads that still run them."""
        for hand in list(self._hands):
            lease = hand.lease
            context = self._runner.running.get(lease.token) if lease else None
            if lease is not None and context is not None and time.monotonic() > context.deadline + NOTICE_SECONDS:
                self._dismiss(hand, lease, context)

    def _dismiss(self, hand: _Hand, lease: Lease, context: JobContext) -> None:
        hand.dismissed = context.lost = True
        self._hands.remove(hand)
        self._stuck.append(hand)
        self._runner.running.pop(lease.token, None)
        self._company.leave(hand)
        self._hire()
        limit = self._app.jobs[lease.name].time_limit
        with system_scope("fail a job whose time is up"):
            try:
                outcomes.failed(self._app, self._leases, lease, f"it took longer than its time limit of {limit:g} seconds")
            except LeaseLost:
                _log.info("a job ended just as its time was up", **outcomes.facts(lease))

    @property
    def stuck(self) -> int:
        """Count the threads that still run a timed-out job."""
        self._stuck = [hand for hand in self._stuck if hand.is_alive()]
        return len(self._stuck)

    def look_after_leases(self) -> None:
        """Tell jobs whose lease is gone that it is lost, and requeue those leased to this worker that no thread runs.

        The latter happens when the database stopped answering just after a claim, or before the end of a job was written.
        """
        before = self.running
        with system_scope("compare leases with what is being done"):
            mine = {lease.token: lease for lease in self._leases.leased() if lease.owner == self._leases.owner}
            for context in before:
                context.lost |= context.lease_token not in mine and not context.settled
            moment = time.monotonic()
            held = {hand.lease.token for hand in self._hands if hand.lease is not None}
            self._orphans = {token: self._orphans.get(token, moment) for token in mine.keys() - held}
            for token, since in self._orphans.items():
                if moment - since > ORPHAN_SECONDS:
                    self._hand_back(mine[token])

    def join(self, seconds: float) -> bool:
        """Return whether all threads ended within this many seconds."""
        end = time.monotonic() + seconds
        for hand in self._hands:
            hand.join(max(0.0, end - time.monotonic()))
        return not any(hand.is_alive() for hand in self._hands)

    def cut_short(self) -> None:
        """Tell the running jobs to end now, wherever they are."""
        for context in self.running:
            context.must_end = True

    def hand_back_all(self) -> int:
        """Requeue the running jobs; returns their number."""
        with system_scope("hand back the jobs of a worker that ends"):
            return sum(self._hand_back(lease) for hand in self._hands if (lease := hand.lease) is not None)

    def _hand_back(self, lease: Lease) -> bool:
        _log.info("a job is handed back", **outcomes.facts(lease))
        try:
            self._leases.hand_back(lease)
        except LeaseLost:
            return False
        return True
