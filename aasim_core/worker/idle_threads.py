"""Wake a worker's idle threads, the most recently active first.

Its connection, prepared statements and processor caches are still warm; after a pause, warming them up takes most of the time until a job
begins.
"""

import threading


class IdleThreads:
    """A wake-up channel for idle threads.

    A notification while all are busy is saved for the next idle one, which passes on further work.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._somebody_idle = threading.Condition(self._lock)
        self._idle: list[threading.Lock] = []
        self._is_notified = False
        self._closed = False

    def notify(self) -> None:
        """Wake one thread."""
        with self._lock:
            if self._idle:
                self._idle.pop().release()
            else:
                self._is_notified = True

    def clear(self) -> None:
        """Note that this thread now searches for work, so that earlier notifications need no further thread."""
        self._is_notified = False

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
            if self._closed or self._is_notified:
                self._is_notified = False
                return
            notified = threading.Lock()
            notified.acquire()
            self._idle.append(notified)
            self._somebody_idle.notify_all()
        notified.acquire()

    def wait_for_idle(self, seconds: float) -> int:
        """Return the number of idle threads, as soon as there are some; 0 after this many seconds."""
        with self._lock:
            self._somebody_idle.wait_for(lambda: self._idle or self._closed, seconds)
            return len(self._idle)
