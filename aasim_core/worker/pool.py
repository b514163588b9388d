"""The threads of a worker: each claims a job, runs it, and claims the next; idle ones sleep until they are notified."""

import threading
import time
from typing import TYPE_CHECKING

import structlog

from ..context import system_scope
from ..data.installation import held_since
from ..jobs.context import JobContext
from ..jobs.errors import LeaseLost
from ..jobs.lease import Lease
from ..jobs.leases import CRASHES_UNTIL_DEAD, Leases
from ..logs.repeated_errors import RepeatedErrors, kind_of
from . import outcomes
from .exclusive_gate import ExclusiveGate
from .idle_threads import IdleThreads
from .runner import Runner

if TYPE_CHECKING:
    from ..app import App

#: How long a timed-out job may take to notice, before its thread is abandoned.
NOTICE_SECONDS = 1.0
#: How long a lease that no thread holds is left alone: a thread may be about to take it.
ORPHAN_SECONDS = 10.0
_log = structlog.get_logger("aasim.jobs")


class _WorkerThread(threading.Thread):
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
        self._gate = ExclusiveGate()
        self._threads: list[_WorkerThread] = []
        self._stuck: list[_WorkerThread] = []
        self._repeated = RepeatedErrors()
        self._orphans: dict[str, float] = {}
        self.idle_threads = IdleThreads()

    def start(self) -> None:
        """Begin to claim jobs."""
        for _ in range(self._size):
            self._hire()

    def _hire(self) -> None:
        thread = _WorkerThread(self, len(self._threads) + len(self._stuck) + 1)
        self._threads.append(thread)
        thread.start()

    def work(self, thread: _WorkerThread) -> None:
        """A thread's loop until the worker drains."""
        with system_scope("claim the jobs of every organization"):
            while self._goes_on(thread):
                try:
                    self._work_off(thread)
                except Exception as error:  # noqa: BLE001 - a thread that ends would never be missed
                    if (count := self._repeated.count(kind_of(error))) is not None:
                        _log.error("a worker cannot continue for now", error=kind_of(error), count=count)
                    self._app.database.close()
                    self._app.draining.wait(1)
                self.idle_threads.wait()

    def _goes_on(self, thread: _WorkerThread) -> bool:
        return not (thread.dismissed or self._app.draining.is_set())

    def _work_off(self, thread: _WorkerThread) -> None:
        """Run one job after the other over one connection, until the next notification."""
        look_first = True
        with self._app.database.connected():
            while self._goes_on(thread) and self._turn(thread, look_first=look_first):
                look_first = False

    def _turn(self, thread: _WorkerThread, *, look_first: bool) -> bool:
        """Claim one job and run it; returns whether to search for another before the next notification.

        It claims none while the installation is held.
        """
        self.idle_threads.clear()
        if held_since() is not None:
            return False
        if look_first and not self._leases.may_have_ready():
            return False
        if not self._gate.enter(thread):
            return False
        try:
            lease = thread.lease = self._leases.claim()
            if lease is None:
                return False
            if not lease.is_last:  # one notification may stand for many jobs
                self.idle_threads.notify()
            self._do(thread, lease)
        finally:
            thread.lease = None
            self._gate.leave(thread)
        return lease.may_be_followed or not self._is_told

    def _do(self, thread: _WorkerThread, lease: Lease) -> None:
        draining = self._app.draining.is_set
        is_suspect = lease.crash_count >= CRASHES_UNTIL_DEAD - 1
        if draining() or (is_suspect and not self._gate.enter_alone(thread, draining)):
            self._leases.hand_back(lease)
        else:
            self._runner.run(lease)

    @property
    def is_busy(self) -> bool:
        """Return whether any thread runs a job or is stuck in one."""
        return self.stuck > 0 or any(thread.lease is not None for thread in self._threads)

    @property
    def running(self) -> list[JobContext]:
        """Return the running jobs."""
        return list(self._runner.running.values())

    def end_overdue(self) -> None:
        """Fail the jobs whose time is up, and replace the threads that still run them."""
        for thread in list(self._threads):
            lease = thread.lease
            context = self._runner.running.get(lease.token) if lease else None
            if lease is not None and context is not None and time.monotonic() > context.deadline + NOTICE_SECONDS:
                self._dismiss(thread, lease, context)

    def _dismiss(self, thread: _WorkerThread, lease: Lease, context: JobContext) -> None:
        thread.dismissed = context.lost = True
        self._threads.remove(thread)
        self._stuck.append(thread)
        self._runner.running.pop(lease.token, None)
        self._gate.leave(thread)
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
        self._stuck = [thread for thread in self._stuck if thread.is_alive()]
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
            held = {thread.lease.token for thread in self._threads if thread.lease is not None}
            self._orphans = {token: self._orphans.get(token, moment) for token in mine.keys() - held}
            for token, since in self._orphans.items():
                if moment - since > ORPHAN_SECONDS:
                    self._hand_back(mine[token])

    def join(self, seconds: float) -> bool:
        """Return whether all threads ended within this many seconds."""
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def cut_short(self) -> None:
        """Tell the running jobs to end now, wherever they are."""
        for context in self.running:
            context.must_end = True

    def hand_back_all(self) -> int:
        """Requeue the running jobs; returns their number."""
        with system_scope("hand back the jobs of a worker that ends"):
            return sum(self._hand_back(lease) for thread in self._threads if (lease := thread.lease) is not None)

    def _hand_back(self, lease: Lease) -> bool:
        _log.info("a job is handed back", **outcomes.facts(lease))
        try:
            self._leases.hand_back(lease)
        except LeaseLost:
            return False
        return True
