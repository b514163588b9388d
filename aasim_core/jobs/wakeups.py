"""How the threads of a worker that have nothing to do are woken: the one that was at work last is the first.

Its connection, its prepared statements and the processor's caches are still warm; after a while of rest, that is most of the time until a
job begins.
"""

import threading


class Wakeups:
    """A bell for idle threads. A ring while all are busy is kept for the next one to be idle, one for each thread at most."""

    def __init__(self, threads: int) -> None:
        self._lock = threading.Lock()
        self._somebody_idle = threading.Condition(self._lock)
        self._idle: list[threading.Lock] = []
        self._threads = threads
        self._rings = 0
        self._closed = False

    def ring(self) -> None:
        """Wake one thread."""
        with self._lock:
            if self._idle:
                self._idle.pop().release()
            else:
                self._rings = min(self._rings + 1, self._threads)

    def close(self) -> None:
        """Wake all threads, and let none sleep any more."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().release()
            self._somebody_idle.notify_all()

    def wait(self) -> None:
        """Sleep until the next ring."""
        with self._lock:
            if self._closed or self._rings:
                self._rings = max(0, self._rings - 1)
                return
            rung = threading.Lock()
            rung.acquire()
            self._idle.append(rung)
            self._somebody_idle.notify_all()
        rung.acquire()

    def wait_for_idle(self, seconds: float) -> bool:
        """Whether some thread has nothing to do, within so many seconds."""
        with self._lock:
            return self._somebody_idle.wait_for(lambda: bool(self._idle) or self._closed, seconds)
