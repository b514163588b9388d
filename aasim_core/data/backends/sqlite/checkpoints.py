"""Bringing what SQLite's log holds into the database's own file, beside those who write.

SQLite does it in a commit, once in a while: then everybody waits for the disk, twice. A thread of its own keeps nobody waiting.
"""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import peewee

#: After so many commits of this process, of some ten pages each: those of API and worker together stay far below `MOST_PAGES`.
_EVERY = 128
#: So many pages of log make a commit do it after all: while others write, the log is never used up, and it is begun anew only then.
MOST_PAGES = 4_000


class Checkpoints:
    """Those of one process; `open_connection` makes a connection to the database."""

    def __init__(self, open_connection: Callable[[], Any]) -> None:
        self._open = open_connection
        self._commits = 0
        self._running = threading.Lock()

    def count_commit(self) -> None:
        """Note a commit, and begin with a checkpoint when it is time for one; for one thread at a time."""
        self._commits += 1
        if self._commits % _EVERY == 0 and self._running.acquire(blocking=False):
            threading.Thread(target=self._make_one, name="checkpoint", daemon=True).start()

    def _make_one(self) -> None:
        # What goes wrong here, goes wrong in the commit that then has to do it, and is told there.
        try:
            with suppress(sqlite3.Error, peewee.PeeweeException), closing(self._open()) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            self._running.release()
