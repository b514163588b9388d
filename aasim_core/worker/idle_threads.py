"""How the threads of a worker that have nothing to do are woken: the one that was at work last is the first.

Its connection, its prepared statements and the processor's caches are still warm; after a while of rest, that is most of the time until a
job begins.
"""

import threading


class Wakeups:
    """A bell for idle threads. A ring while all are busy is kept for the next one to be idle; who finds more to do rings again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._somebody_idle = threading.Condition(self._lock)
        self._idle: list[threading.Lock] = []
        self._is_rung = False
        self._closed = False

    def ring(self) -> None:
        """Wake one thread."""
        with self._lock:
            if self._idle:
                self._idle.pop().release()
            else:
                self._is_rung = True

    def answer(self) -> None:
        """Say that this thread looks for work now: nobody need look for what was rung before."""
        self._is_rung = False

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
            if self._closed or self._is_rung:
                self._is_rung = False
                return
            rung = threading.Lock()
            rung.acquire()
            self._idle.append(rung)
            self._somebody_idle.notify_all()
        rung.acquire()

    def wait_for_idle(self, seconds: float) -> int:
        """How many threads have nothing to do, as soon as some have; 0 after so many seconds."""
        with self._lock:
            self._somebody_idle.wait_for(lambda: self._idle or self._closed, seconds)
            return len(self._idle)
