"""The worker process: threads that run jobs, and a few that maintain them."""

import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import structlog

from ..clock import to_text
from ..context import system_scope
from ..data.installation import held_since
from ..jobs.leases import Leases
from ..jobs.search_range import FULL_SHARE
from ..jobs.worker_liveness import Presence
from ..logs.repeated_errors import RepeatedErrors, kind_of
from ..processes import WORKER
from ..worker.maintenance import Maintenance
from ..worker.pool import Pool
from .startup import start_plugins, starting, stop_plugins

if TYPE_CHECKING:
    from ..app import App
    from ..settings import Settings

#: sysexits.h: try again. Too many threads are stuck in timed-out jobs; the supervisor restarts the process.
TRY_AGAIN = 75
_TAKE_OVER_SECONDS = 5.0
_UNPARK_SECONDS = 30.0
#: What a job gets that is cut short, to write how far it came.
_CUT_SECONDS = 2.0
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_log = structlog.get_logger("aasim.worker")


class Worker:
    """The threads of one worker."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._settings = app.settings.worker
        self._presence = Presence(app.settings.data_dir)
        self.name = self._presence.enter()
        self._process = app.process_of(WORKER, self._settings.threads, self.name)
        self._leases = Leases(app.database, self.name, app.notifier.notify)
        self._receiver = app.notifier.listen(self.name)
        self._pool = Pool(app, self._leases, self._settings.threads, is_told=self._receiver.misses_nothing)
        self._maintenance = Maintenance(app, self._leases, self._presence)
        self._over = threading.Event()
        self._last_beat = time.monotonic()
        self._repeated = RepeatedErrors()
        self._last_turns: dict[str, tuple[float, float]] = {}

    def start(self) -> None:
        """Begin to do jobs, after those of dead workers are back in the queue."""
        with self._app.database.connected():
            self._process.beat()
            if (since := held_since()) is None:
                self._maintenance.take_over()
            else:
                _log.warning("the installation is held; no job runs until: aasim resume", reason=f"held since {to_text(since)}")
        self._pool.start()
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        self._repeat("heartbeat", self._settings.heartbeat_seconds, self._beat)
        self._repeat("maintenance", self._settings.poll_seconds, self._look)
        _log.info("the worker is ready", worker=self.name, count=self._settings.threads)

    def _repeat(self, name: str, seconds: float, action: Callable[[], object]) -> None:
        def repeat() -> None:
            while not self._over.is_set():
                try:
                    action()
                except Exception as error:  # noqa: BLE001 - a thread that ended would never be missed
                    if (count := self._repeated.count(f"{name} {kind_of(error)}")) is not None:
                        _log.error("a worker's maintenance failed", reason=name, error=kind_of(error), count=count)
                    self._over.wait(1)
                self._over.wait(seconds)

        threading.Thread(target=repeat, name=name, daemon=True).start()

    def _listen(self) -> None:
        """Pass notifications on while a thread is idle; otherwise leave them to other workers.

        As many at once as there are idle threads: the woken thread handles all of them, and wakes the next.
        """
        with closing(self._receiver):
            while not self._app.draining.is_set():
                idle = self._pool.idle_threads.wait_for_idle(1)
                if idle and self._receiver.wait(1, most=idle):
                    self._pool.idle_threads.notify()

    def _beat(self) -> None:
        with self._app.database.connected():
            if self._pool.is_busy:
                with system_scope("give a sign of life for every job of this worker"):
                    self._leases.heartbeat()
            self._process.beat(len(self._pool.running))
        self._last_beat = time.monotonic()

    def _look(self) -> None:
        with self._app.database.connected():
            self._pool.end_overdue()
            if held_since() is not None:
                return  # nothing becomes due, and nothing is claimed
            self._maintenance.make_ready()
            self._maintenance.tick()
            # Also without a notification, one thread looks for jobs now.
            self._pool.idle_threads.notify()
            self._at_intervals("leases", 0 if self._pool.is_busy else _TAKE_OVER_SECONDS, self._pool.look_after_leases)
            self._at_intervals("take over", _TAKE_OVER_SECONDS, self._maintenance.take_over)
            self._at_intervals("unpark", _UNPARK_SECONDS, self._maintenance.unpark)

    def _at_intervals(self, name: str, seconds: float, action: Callable[[], object]) -> None:
        """Run it if the last time was this many seconds ago; or longer if it took long: see `FULL_SHARE`."""
        last_at, took = self._last_turns.get(name, (-math.inf, 0.0))
        began = time.monotonic()
        if began < last_at + max(seconds, took / FULL_SHARE):
            return
        try:
            action()
        finally:
            self._last_turns[name] = began, time.monotonic() - began

    @property
    def is_wedged(self) -> bool:
        """Whether a job whose time is up keeps the database from everybody: only the end of this process helps."""
        return self._pool.stuck > 0 and time.monotonic() - self._last_beat > self._settings.lease_seconds

    @property
    def is_worn_out(self) -> bool:
        """Whether as many threads are stuck in jobs whose time is up as there should be threads."""
        return self._pool.stuck >= self._settings.threads

    def drain(self, hurry: Callable[[], bool] = lambda: False) -> bool:
        """Claim nothing more, give running jobs the time of grace, cut short and hand back the rest; returns whether all threads ended.

        `hurry` is asked whether not to wait any longer.
        """
        _log.info("the worker drains", worker=self.name, count=len(self._pool.running))
        end = time.monotonic() + self._settings.grace_seconds
        self._app.draining.set()
        self._pool.idle_threads.close()
        while not (ended := self._pool.join(0.1)) and time.monotonic() < end and not hurry():
            pass
        if not ended:
            self._pool.cut_short()
            ended = self._pool.join(_CUT_SECONDS)
        with self._app.database.connected():
            count = self._pool.hand_back_all()
            self._process.leave()
        self._over.set()
        self._presence.leave(self.name)
        _log.info("the worker ends", worker=self.name, count=count)
        return ended and self._pool.stuck == 0


def run(settings: "Settings") -> None:
    """Do jobs until SIGTERM, SIGINT or SIGHUP, which drain; a second one ends the process at once."""
    app = _ready_app(settings)
    with _stop_requests() as stop_requested:
        app = start_plugins(app)
        worker = Worker(app)
        worker.start()
        while not stop_requested(1.0) and not worker.is_worn_out:
            if worker.is_wedged:
                _log.error("a job whose time is up holds the database; the process ends", worker=worker.name)
                os._exit(TRY_AGAIN)
        code = TRY_AGAIN if worker.is_worn_out else 0
        ended = worker.drain(lambda: stop_requested(0))
        stop_plugins(app)
    if not ended:
        # Threads that cannot be ended would keep the process.
        _log.warning("the process ends in the middle of jobs that do not", worker=worker.name)
        os._exit(code)
    if code:
        sys.exit(code)


def _ready_app(settings: "Settings") -> "App":
    with starting():
        from ..bootstrap import build_app
        from .installation import refuse_unfit_database

        app = build_app(settings)
        refuse_unfit_database(app)
        return app


@contextmanager
def _stop_requests() -> Iterator[Callable[[float], bool]]:
    """Yields a function that waits this many seconds for a signal to stop, and returns whether a new one came."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    previous = {number: signal.signal(number, lambda _number, _frame: None) for number in _STOP_SIGNALS}
    previous_writer = signal.set_wakeup_fd(writer.fileno())

    def wait(seconds: float) -> bool:
        reader.settimeout(max(seconds, 0.001))
        try:
            return any(number in _STOP_SIGNALS for number in reader.recv(64))
        except TimeoutError:
            return False

    try:
        yield wait
    finally:
        signal.set_wakeup_fd(previous_writer)
        for number, handler in previous.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()
