"""File locks between processes; the kernel releases them when their holder ends, however it ends."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

SHARED, EXCLUSIVE = fcntl.LOCK_SH, fcntl.LOCK_EX
_POLL_SECONDS = 0.02


def opened(path: Path) -> int:
    """A descriptor of the lock file, which is made if need be; closing it gives up the lock."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def lock(descriptor: int, kind: int) -> None:
    """Take the lock, however long that takes."""
    fcntl.flock(descriptor, kind)


def try_lock(descriptor: int, kind: int) -> bool:
    """Take the lock if nobody stands against it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether another process holds the lock exclusively."""
    descriptor = opened(path)
    try:
        return not try_lock(descriptor, SHARED)
    finally:
        os.close(descriptor)


@contextmanager
def exclusive(path: Path, check: Callable[[], None]) -> Iterator[None]:
    """Hold the lock; `check` is called now and then while others have it, and may raise."""
    descriptor = opened(path)
    try:
        while not try_lock(descriptor, EXCLUSIVE):
            check()
            Event().wait(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)
