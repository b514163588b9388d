"""SQLite: each thread keeps a connection to read, and all write over another one, in turn."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import peewee

from .database import ScopedDatabase
from .group_commit import GroupCommit
from .write_batches import WriteBatches
from .write_queue import WriteQueue

# What SQLite itself uses.
_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)
# Of any type, since peewee's stubs leave out what the class below builds on.
_PeeweeSqlite: Any = peewee.SqliteDatabase


class SqliteDatabase(ScopedDatabase, _PeeweeSqlite):
    """SQLite in WAL mode; each thread keeps a connection to read, and all write over another one in turn (see `write_batches`).

    The processes' turns are in `write_queue`. With full durability writers wait for the disk together, after their turn (see
    `group_commit`): what one has written, others may see a moment before the disk has it, but nobody is answered before.
    """

    packs_rows = True

    def __init__(self, path: Path, *, full_durability: bool = True, wait_seconds: float = 2) -> None:
        self._prepare()
        self._path, self._wait_seconds = str(path), wait_seconds
        self._full_durability = full_durability
        pragmas = {
            "journal_mode": "wal",
            "synchronous": "normal",
            "foreign_keys": 1,
            "cache_size": -32_000,
            "temp_store": "memory",
        }
        super().__init__(
            str(path), pragmas=pragmas, timeout=wait_seconds, autoconnect=False, cached_statements=512, check_same_thread=False
        )
        self._prepare_writing()

    def _prepare_writing(self) -> None:
        self._queue = WriteQueue(self._path, self._wait_seconds)
        self._commits = GroupCommit(self._sync_log, self._empty_log)
        self._batches = WriteBatches(self._open, self._queue.turn, self._commits.record, self._wait_seconds)

    def _connect(self) -> Any:
        connection = self._open()
        self._local.connection = _ClosedAtLast(connection)
        return connection

    def _open(self) -> Any:
        # Two connections that both turn WAL mode on meet in a lock that SQLite does not wait for. Whether it is on, must not be read
        # from the file: closing it would take away this process's locks on it, and others would delete the log under its connections.
        with nullcontext() if Path(f"{self._path}-wal").exists() else self._queue.turn():
            return super()._connect()

    def for_claims(self) -> "SqliteDatabase":
        """Where a worker claims jobs; on PostgreSQL it has a connection for that."""
        return self

    def dispose(self) -> None:
        """Forget every connection without closing it; a forked child does this, since they are its parent's."""
        super().dispose()
        self._inherited.append(self._batches)
        self._prepare_writing()

    def close_all(self) -> None:
        """Close what this thread has open, and what writes; another thread's connection closes when that thread ends."""
        self.close()
        self._batches.close()

    def release(self) -> None:
        """Keep the connection: it costs more to open than to keep."""

    def _settle(self) -> None:
        if self._full_durability:
            self._commits.settle(self._local.commit)

    def _sync_log(self) -> None:
        # Opened each time, for it is another file after all connections were closed. Of this file SQLite needs no locks.
        log = os.open(f"{self._path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _sync(log)
        finally:
            os.close(log)

    def _empty_log(self) -> None:
        """Write what is in the log into the database's own file, and wait for the disk to have that."""
        is_busy, *_ = self.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise peewee.OperationalError("others read or write; the log cannot be emptied now")

    @contextmanager
    def _unit_of_work(self) -> Iterator[None]:
        own = self._own_connection()
        with self._batches.unit() as (connection, batch):
            self._state.set_connection(connection)
            try:
                yield
            finally:
                self._state.set_connection(own)
        self._local.commit = batch.number


class _ClosedAtLast:
    """Closes a connection when its thread ends; Python's connections are in a reference cycle, and would wait for the collector."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __del__(self) -> None:
        self._connection.close()
