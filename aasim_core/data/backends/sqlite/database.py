"""SQLite: each thread reads over its own connection; all writes take turns on another one."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import peewee

from ...statements import Result, Statement
from ...transactions import Conflict, UnitOfWork
from ..scoped_database import ScopedDatabase
from .checkpoints import MOST_PAGES, Checkpoints
from .group_commit import GroupCommit
from .write_batches import WriteBatches
from .write_queue import WriteQueue

#: Virtual-machine instructions between checks of the time limit; about a millisecond.
_LOOK_EVERY = 10_000
# SQLite's own default.
_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)
# Typed as Any, because peewee's stubs omit what the class below builds on.
_PeeweeSqlite: Any = peewee.SqliteDatabase


class SqliteDatabase(ScopedDatabase, _PeeweeSqlite):
    """SQLite in WAL mode; each thread reads over its own connection, and all writes take turns on another one (see `write_batches`).

    `write_queue` orders the processes. With full durability, writers wait for the disk together, after their turn (see `group_commit`):
    others may see a write a moment before it is on disk, but no caller is answered before.
    """

    time_query = "SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

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
        self._checkpoints = Checkpoints(self._open)
        self._batches = WriteBatches(self._open_to_write, self._queue.turn, self._record, self._wait_seconds)

    def _connect(self) -> Any:
        connection = self._open()
        self._local.connection = _ClosedAtLast(connection)
        return connection

    def _open(self) -> Any:
        # Two connections that both enable WAL mode deadlock in a lock that SQLite does not wait for. The mode must not be read from the
        # file: closing it would release this process's locks on it, and others would delete the log under its connections.
        with nullcontext() if Path(f"{self._path}-wal").exists() else self._queue.turn():
            return super()._connect()

    def _open_to_write(self) -> Any:
        connection = self._open()
        connection.execute(f"PRAGMA wal_autocheckpoint = {MOST_PAGES}")
        return connection

    def _record(self) -> int:
        self._checkpoints.count_commit()
        return self._commits.record()

    def for_claims(self) -> "SqliteDatabase":
        """The connection over which a worker claims jobs; PostgreSQL has a dedicated one."""
        return self

    def dispose(self) -> None:
        """Drop every connection without closing it; a forked child does this, because they belong to its parent."""
        super().dispose()
        self._inherited.append(self._batches)
        self._prepare_writing()

    def close_all(self) -> None:
        """Close this thread's connection and the writing one; another thread's connection closes when that thread ends."""
        self.close()
        self._batches.close()

    def release(self) -> None:
        """Keep the connection: opening one costs more than keeping it."""

    def _settle(self, number: int) -> None:
        """Wait until the commit of that number is on disk."""
        if self._full_durability:
            self._commits.settle(number)

    def _sync_log(self) -> None:
        # Opened each time, because the file is replaced once all connections are closed. SQLite's locks on it are not needed.
        log = os.open(f"{self._path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _sync(log)
        finally:
            os.close(log)

    def _empty_log(self) -> None:
        """Write the log into the database file, and wait until that is on disk."""
        is_busy, *_ = self.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise peewee.OperationalError("others read or write; the log cannot be emptied now")

    def run_alone(self, statement: Statement, parameters: Any, *, durable: bool = True) -> Result:
        """See `ScopedDatabase.run_alone`."""
        if self._local.transaction is not None:
            return self.run_compiled(statement, parameters)
        results: list[Result] = []
        number = self._batches.write(lambda connection: results.append(self._execute(connection, statement, parameters)))
        if durable:
            self._settle(number)
        return results[0]

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """See `ScopedDatabase.limited`; the time of all statements is added up."""
        connection, end = self._own_connection(), time.monotonic() + seconds
        connection.set_progress_handler(lambda: time.monotonic() > end, _LOOK_EVERY)
        try:
            yield
        finally:
            connection.set_progress_handler(None, 0)

    @contextmanager
    def _unit_of_work(self, unit: UnitOfWork) -> Iterator[None]:
        self._own_connection()
        begin = self._one_moment if unit.is_snapshot else self._turn
        with ExitStack() as turn:
            self._local.unit, self._local.begin, self._local.commit = unit, lambda: turn.enter_context(begin()), 0
            try:
                yield
                if unit.waiting and unit.begun:
                    self._write(unit)
                elif unit.waiting:
                    self._local.commit = self._batches.write(lambda connection: self._write_all(connection, unit))
            finally:
                self._local.unit = None
                del self._local.begin
        if unit.durable:
            self._settle(self._local.commit)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Route this thread's statements over the writing connection; they are committed at the end, perhaps with others."""
        own = self._own_connection()
        with self._batches.unit() as (connection, batch):
            self._state.set_connection(connection)
            try:
                yield
            finally:
                self._state.set_connection(own)
        self._local.commit = batch.number

    @contextmanager
    def _one_moment(self) -> Iterator[None]:
        """Begin a transaction that only reads, over this thread's connection."""
        own = self._own_connection()
        own.execute("BEGIN")
        try:
            yield
        finally:
            own.execute("ROLLBACK")

    def lock(self, name: str) -> None:
        """See `ScopedDatabase.lock`; a transaction that has begun to write is the only writer."""
        super().lock(name)
        if (unit := self._local.unit) is not None:
            self._write(unit)

    def _begin(self, unit: UnitOfWork) -> None:
        if not unit.begun:
            self._local.begin()
            unit.begun = True

    def _write(self, unit: UnitOfWork) -> None:
        self._begin(unit)
        try:
            self._write_all(self._state.conn, unit)
        except Exception:
            self.fail_transaction()
            raise

    def _write_all(self, connection: Any, unit: UnitOfWork) -> None:
        """Send the deferred writes; the connection is reserved meanwhile, but another thread may do the work."""
        _, writes = unit.take()
        for write in writes:
            result = self._execute(connection, write.statement, write.parameters)
            if result.rowcount != 1 and write.expects_one:
                raise Conflict
            if write.tell is not None:
                write.tell(result.fetchone())

    def _result_of(self, connection: Any, statement: Statement, parameters: Any) -> Result:
        cursor = connection.execute(statement.sql, parameters)
        return Result(cursor.fetchall() if statement.gives_rows else (), cursor.rowcount)


class _ClosedAtLast:
    """Closes a connection when its thread ends; Python's connections are in a reference cycle, and would wait for the garbage collector."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __del__(self) -> None:
        self._connection.close()
