"""The threads of a worker: each claims a job, does it, and claims the next; idle ones sleep until somebody rings."""

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

#: How long a job that used up its time may take to notice it, before its thread is left to itself.
NOTICE_SECONDS = 1.0
#: How long a lease that no thread holds is left alone: it may be just on its way to one.
ORPHAN_SECONDS = 10.0
_log = structlog.get_logger("aasim.jobs")


class _Hand(threading.Thread):
    """One thread; `lease` is the job in its hand. A thread that is `dismissed` does no further one."""

    def __init__(self, pool: "Pool", number: int) -> None:
        super().__init__(name=f"job-{number}", daemon=True)
        self._pool = pool
        self.lease: Lease | None = None
        self.dismissed = False

    def run(self) -> None:
        self._pool.work(self)


class Pool:
    """So many threads that do jobs; `is_told` is whether each job that comes is rung for."""

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
        """What a thread does until the worker drains."""
        with system_scope("claim the jobs of every organization"):
            while self._goes_on(hand):
                try:
                    self._work_off(hand)
                except Exception as error:  # noqa: BLE001 - a thread that ends would never be missed
                    if (count := self._seldom.count(kind_of(error))) is not None:
                        _log.error("a worker cannot go on for now", error=kind_of(error), count=count)
                    self._app.database.close()
                    self._app.draining.wait(1)
                self.wakeups.wait()

    def _goes_on(self, hand: _Hand) -> bool:
        return not (hand.dismissed or self._app.draining.is_set())

    def _work_off(self, hand: _Hand) -> None:
        """Do one job after the other, over one connection, until a ring would tell of the next."""
        look_first = True
        with self._app.database.connected():
            while self._goes_on(hand) and self._turn(hand, look_first=look_first):
                look_first = False

    def _turn(self, hand: _Hand, *, look_first: bool) -> bool:
        """Claim one job and do it; returns whether to look for another one before a ring."""
        self.wakeups.answer()
        if look_first and not self._leases.may_have_ready():
            return False
        if not self._company.enter(hand):
            return False
        try:
            lease = hand.lease = self._leases.claim()
            if lease is None:
                return False
            if not lease.is_last:  # one ring may have been for many
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
        """Whether any thread has a job in its hand, or is stuck with one."""
        return self.stuck > 0 or any(hand.lease is not None for hand in self._hands)

    @property
    def running(self) -> list[JobContext]:
        """The jobs that are being done."""
        return list(self._runner.running.values())

    def end_overdue(self) -> None:
        """Fail the jobs whose time is up, and go on without the threads that still do them."""
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
        """How many threads still do a job whose time is up."""
        self._stuck = [hand for hand in self._stuck if hand.is_alive()]
        return len(self._stuck)

    def look_after_leases(self) -> None:
        """Tell jobs whose lease is gone that they are lost, and put those back that are leased to this worker and nobody does.

        The latter happens when the database fell silent just after a claim, or before the end of a job was written.
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
        """Whether all threads came to an end within so many seconds."""
        end = time.monotonic() + seconds
        for hand in self._hands:
            hand.join(max(0.0, end - time.monotonic()))
        return not any(hand.is_alive() for hand in self._hands)

    def cut_short(self) -> None:
        """Tell the jobs that are still being done to end now, wherever they are."""
        for context in self.running:
            context.must_end = True

    def hand_back_all(self) -> int:
        """Put the jobs that are still being done back into the queue; returns how many."""
        with system_scope("hand back the jobs of a worker that ends"):
            return sum(self._hand_back(lease) for hand in self._hands if (lease := hand.lease) is not None)

    def _hand_back(self, lease: Lease) -> bool:
        _log.info("a job is handed back", **outcomes.facts(lease))
        try:
            self._leases.hand_back(lease)
        except LeaseLost:
            return False
        return True
