"""How the threads of a worker that have nothing to do are woken."""

import threading


class Wakeups:
    """A bell for idle threads. A ring while all are busy is kept for the next one to be idle, one for each thread at most."""

    def __init__(self, threads: int) -> None:
        lock = threading.Lock()
        self._rung = threading.Condition(lock)
        self._somebody_idle = threading.Condition(lock)
        self._threads = threads
        self._rings = 0
        self._idle = 0
        self._closed = False

    def ring(self) -> None:
        """Wake one thread."""
        with self._rung:
            self._rings = min(self._rings + 1, self._threads)
            self._rung.notify()

    def close(self) -> None:
        """Wake all threads, and let none sleep any more."""
        with self._rung:
            self._closed = True
            self._rung.notify_all()
            self._somebody_idle.notify_all()

    def wait(self, seconds: float | None = None) -> None:
        """Sleep until the next ring, or so long."""
        with self._rung:
            self._idle += 1
            self._somebody_idle.notify_all()
            self._rung.wait_for(lambda: self._rings > 0 or self._closed, seconds)
            self._idle -= 1
            self._rings = max(0, self._rings - 1)

    def wait_for_idle(self, seconds: float) -> bool:
        """Whether some thread has nothing to do, within so many seconds."""
        with self._rung:
            return self._somebody_idle.wait_for(lambda: self._idle > 0 or self._closed, seconds)
