"""Limit a process's open streams."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from ..errors import Refused


class Places:
    """The number of streams that a process may have open; each holds a thread, and some are reserved for other requests."""

    def __init__(self, threads: int) -> None:
        self._free = BoundedSemaphore(max(1, threads * 3 // 4))

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take a slot; Refused ``unavailable`` when there is none."""
        if not self._free.acquire(blocking=False):
            message = "Too many streams are open; try again, or read it in stretches."
            raise Refused("unavailable", message, retry_after=5)
        try:
            yield
        finally:
            self._free.release()
