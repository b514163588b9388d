"""Hold a connection for one request or one unit of a worker's work."""

from contextlib import AbstractContextManager
from typing import Any


class Connected(AbstractContextManager[None]):
    """Hold this thread's connection inside the block. A class, because a generator is slower and every request enters it."""

    __slots__ = ("_database", "_opened")

    def __init__(self, database: Any) -> None:
        self._database = database

    def __enter__(self) -> None:
        # It is nearly always open; checking that takes no lock.
        self._opened = self._database.is_closed() and self._database.connect()

    def __exit__(self, *_: object) -> None:
        if self._opened:
            self._database.release()
