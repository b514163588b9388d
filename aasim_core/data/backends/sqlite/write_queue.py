"""The queue of those who write to a SQLite file: one at a time over all threads and processes, in turn, with a bound on the wait.

SQLite's own waiting is not in turn: a busy process can keep another one out until that gives up with "database is locked".
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import peewee

# flock can wait without end or not at all, so it is tried again and again. Turns are of some 0.5 ms: who looks seldom leaves the file idle.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.000_05, 0.000_2


class WriteQueue:
    """The turns of this process's threads at two lock files: who writes, and who is next.

    Nobody can start to write but through the place of who is next, which is free while somebody writes: so a process that waits
    takes it, and goes before the writer that comes back.
    """

    def __init__(self, path: str, wait_seconds: float) -> None:
        self._paths = f"{path}.next", f"{path}.lock"
        self._wait_seconds = wait_seconds
        self._threads = threading.Lock()
        self._files: tuple[int, ...] = ()

    def __del__(self) -> None:
        for file in self._files:
            os.close(file)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the turn and hold it; OperationalError when it does not come in time."""
        deadline = time.monotonic() + self._wait_seconds
        if not self._threads.acquire(timeout=self._wait_seconds):
            raise _busy()
        try:
            waiting, writing = self._files = self._files or tuple(map(_open, self._paths))
            _lock(waiting, deadline)
            try:
                _lock(writing, deadline)
            finally:
                _unlock(waiting)
            try:
                yield
            finally:
                _unlock(writing)
        finally:
            self._threads.release()


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise peewee.OperationalError(f"unable to open the lock file {path}: {error.strerror}") from error


def _lock(file: int, deadline: float) -> None:
    pause = _SHORTEST_PAUSE
    while not _lock_at_once(file):
        if time.monotonic() > deadline:
            raise _busy()
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _unlock(file: int) -> None:
    fcntl.flock(file, fcntl.LOCK_UN)


def _lock_at_once(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _busy() -> peewee.OperationalError:
    return peewee.OperationalError("the database is busy: other writers took too long")
