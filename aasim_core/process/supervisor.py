"""A process supervisor: it starts the others, restarts those that die or are to be replaced, and stops all gracefully."""

import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_LONGEST_DELAY = 30.0
#: A process that lived this long has nothing to do with why it died before.
_SETTLED_SECONDS = 60.0
#: A process that ends by itself this soon after its first start was refused something that it needs.
_START_SECONDS = 10.0
_LOOK_SECONDS = 0.05
_ONE_REQUEST_SECONDS = 0.5
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Child:
    """A process that should run, and how often in a row it did not."""

    name: str
    command: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    restart_at: float = 0.0
    deaths: int = 0
    is_replaced: bool = False

    @property
    def is_given_up(self) -> bool:
        """Whether only a replacement starts it again."""
        return self.process is None and self.restart_at == math.inf


class Supervisor:
    """Keeps the processes of `commands` running.

    `notify` is called with sentences about them. Until `watch` has seen everything ready once, a process that dies ends everything, and so
    does one that exits within a few seconds of its first start; `exit_code` is then that process's own, because it would not start a minute
    later either. With `reloads`, one that cannot start after everything was ready waits for `replace`, which brings other code.
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        notify: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        reloads: bool = False,
    ) -> None:
        self.children = [Child(name, command) for name, command in commands.items()]
        self.exit_code = 0
        self._notify = notify
        self._clock = clock
        self._reloads = reloads
        self._signal_pipe = -1
        self._stop_requests = 0
        self._last_request = float("-inf")
        self._settled = False

    @contextmanager
    def running(self, grace_seconds: float) -> Iterator[None]:
        """Start the processes, and stop them at the end: SIGTERM, and SIGKILL for what is left after `grace_seconds`."""
        with _signals(self._on_stop_signal) as self._signal_pipe:
            try:
                for child in self.children:
                    self._start(child)
                yield
            finally:
                self._stop_all(grace_seconds)

    def watch(
        self, until: Callable[[], bool] | None = None, seconds: float | None = None, *, pause: float = _LOOK_SECONDS
    ) -> bool:
        """Keep the processes running until `until` holds (True), or a stop is asked for, a start fails or time is up (False).

        `until` is asked every `pause` seconds.
        """
        deadline = None if seconds is None else self._clock() + seconds
        while not self._stop_requests:
            for child in self.children:
                self._look_after(child)
            if until is not None and until():
                self._settled = True
                return True
            if deadline is not None and self._clock() > deadline:
                return False
            self._wait(pause if until else self._seconds_to_next_restart())
        return False

    def replace(self, commands: Mapping[str, Sequence[str]]) -> None:
        """Tell each process to stop; `watch` starts its command in `commands` when it has ended."""
        for child in self.children:
            child.command, child.deaths, child.restart_at = commands[child.name], 0, 0.0
            if child.process is not None:
                child.is_replaced = True
                child.process.terminate()

    @property
    def is_replacing(self) -> bool:
        """Whether a process that was told to stop for a replacement still runs."""
        return any(child.is_replaced for child in self.children)

    @property
    def given_up(self) -> Sequence[str]:
        """The names of the processes that cannot start, and are started again by `replace` only."""
        return [child.name for child in self.children if child.is_given_up]

    @property
    def is_stopping(self) -> bool:
        """Whether somebody asked to stop, or a start failed."""
        return self._stop_requests > 0

    def _on_stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        # Terminals and wrappers may send one request twice, to the process and to its group.
        if self._clock() - self._last_request > _ONE_REQUEST_SECONDS:
            self._stop_requests += 1
        self._last_request = self._clock()

    def _wait(self, seconds: float | None) -> None:
        """Wait for a signal, at most `seconds`."""
        waiting = select.poll()  # select() takes no descriptor above 1,023
        waiting.register(self._signal_pipe, select.POLLIN)
        if waiting.poll(None if seconds is None else seconds * 1000):
            os.read(self._signal_pipe, 4096)

    def _start(self, child: Child) -> None:
        # In a group of its own, so that Ctrl-C reaches this process only, which then stops the others in order.
        child.process = subprocess.Popen(child.command, stdin=subprocess.DEVNULL, process_group=0)  # noqa: S603 - our own commands
        child.started_at = self._clock()

    def _look_after(self, child: Child) -> None:
        if child.process is None:
            if self._clock() >= child.restart_at:
                self._start(child)
        elif (code := child.process.poll()) is not None:
            child.process = None
            self._handle_exit(child, code)

    def _handle_exit(self, child: Child, code: int) -> None:
        lived = self._clock() - child.started_at
        if child.is_replaced:
            child.is_replaced = False
        elif not self._settled or (code > 0 and child.deaths == 0 and lived < _START_SECONDS):
            self._give_up(child, code)
        else:
            self._plan_restart(child, code, lived)

    def _give_up(self, child: Child, code: int) -> None:
        if self._settled and self._reloads:
            child.restart_at = math.inf
        else:
            self.exit_code = code if code > 0 else 70
            self._stop_requests += 1

    def _plan_restart(self, child: Child, code: int, lived: float) -> None:
        if lived > _SETTLED_SECONDS:
            child.deaths = 0
        delay = min(_LONGEST_DELAY, 2.0**child.deaths / 2)
        child.deaths += 1
        child.restart_at = self._clock() + delay
        self._notify(f"{child.name} {_manner_of_death(code)}; it is started again in {delay:g} s")

    def _seconds_to_next_restart(self) -> float | None:
        waiting = [child.restart_at for child in self.children if child.process is None]
        return max(0.0, min(waiting) - self._clock()) if waiting else None

    def _stop_all(self, grace_seconds: float) -> None:
        """A further signal to stop ends the wait for the processes."""
        alive = [child.process for child in self.children if child.process is not None]
        for process in alive:
            process.terminate()
        deadline, asked = self._clock() + grace_seconds, self._stop_requests
        while any(process.poll() is None for process in alive):
            if self._clock() > deadline or self._stop_requests > asked:
                for process in alive:
                    process.kill()
            self._wait(_LOOK_SECONDS)


@contextmanager
def _signals(on_stop: Callable[[int, FrameType | None], None]) -> Iterator[int]:
    """Call `on_stop` for signals that ask to stop; yields a descriptor that becomes readable at these and when a child ends."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    handlers = {**dict.fromkeys(_STOP_SIGNALS, on_stop), signal.SIGCHLD: lambda _number, _frame: None}
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    previous_writer = signal.set_wakeup_fd(writer)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(previous_writer)
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


def end_with(parent: int) -> None:
    """Let this process get SIGTERM when the process `parent` that started it is gone, however that ended (Linux only)."""
    if sys.platform != "linux":
        return
    import ctypes

    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def _manner_of_death(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
