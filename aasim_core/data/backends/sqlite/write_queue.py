"""The queue of writers to a SQLite file: one at a time across all threads and processes, first come first served, with a bounded wait.

SQLite's own waiting is not fair: a busy process can starve another until that fails with "database is locked".
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import peewee

# flock waits without a limit or not at all, so it is polled. A turn takes some 0.5 ms; rare polls would leave the file idle.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.000_05, 0.000_2


class WriteQueue:
    """Takes turns for this process's threads with two lock files: the current writer and the next one.

    A writer must first hold the lock of the next one, which is free while another writes: so a waiting process goes before the writer that
    comes back.
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
        """Wait for the turn and hold it; OperationalError on timeout."""
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
