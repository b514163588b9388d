"""Holding a connection for one request, or for one turn of a worker."""

from contextlib import AbstractContextManager
from typing import Any


class Connected(AbstractContextManager[None]):
    """A connection of this thread's inside; a class, since a generator takes longer, and each request enters it."""

    __slots__ = ("_database", "_opened")

    def __init__(self, database: Any) -> None:
        self._database = database

    def __enter__(self) -> None:
        # Nearly always it is open; asking for that takes no lock.
        self._opened = self._database.is_closed() and self._database.connect()

    def __exit__(self, *_: object) -> None:
        if self._opened:
            self._database.release()
