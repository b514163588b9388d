"""Wake a worker's idle threads, the most recently active first.

Its connection, prepared statements and processor caches are still warm; after a pause, warming them up takes most of the time until a job
begins.
"""

import threading


class Wakeups:
    """A wake-up channel for idle threads.

    A notification while all are busy is saved for the next idle one, which passes on further work.
    """

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
        """Note that this thread now searches for work, so that earlier notifications need no further thread."""
        self._is_rung = False

    def close(self) -> None:
        """Wake all threads, and let none sleep again."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().release()
            self._somebody_idle.notify_all()

    def wait(self) -> None:
        """Sleep until the next notification."""
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
        """Return the number of idle threads, as soon as there are some; 0 after this many seconds."""
        with self._lock:
            self._somebody_idle.wait_for(lambda: self._idle or self._closed, seconds)
            return len(self._idle)
