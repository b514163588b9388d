"""Checkpoint SQLite's write-ahead log in the background.

SQLite checkpoints inside a commit, so that all writers wait for the disk twice. A separate thread makes nobody wait.
"""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import peewee

#: Commits of this process between checkpoints, of some ten pages each: API and worker together stay far below `MOST_PAGES`.
_EVERY = 128
#: Pages of log after which a commit checkpoints after all: under continuous writes the log never becomes free to be reset otherwise.
MOST_PAGES = 4_000


class Checkpoints:
    """The checkpoints of one process; `open_connection` opens a connection to the database."""

    def __init__(self, open_connection: Callable[[], Any]) -> None:
        self._open = open_connection
        self._commits = 0
        self._running = threading.Lock()

    def count_commit(self) -> None:
        """Record a commit, and start a checkpoint when one is due; for one thread at a time."""
        self._commits += 1
        if self._commits % _EVERY == 0 and self._running.acquire(blocking=False):
            threading.Thread(target=self._make_one, name="checkpoint", daemon=True).start()

    def _make_one(self) -> None:
        # An error here recurs in the commit that then has to checkpoint, and is reported there.
        try:
            with suppress(sqlite3.Error, peewee.PeeweeException), closing(self._open()) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            self._running.release()
