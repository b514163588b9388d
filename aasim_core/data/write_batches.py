"""Units of work of several threads in one transaction of SQLite: while another thread waits for its turn, nobody commits alone.

A commit costs more than most changes: what it changed goes to the log page by page, other connections read those pages anew, and other
processes get their turn. So the threads of a process write over one connection, one after the other, and the last one commits for all.
Each unit is undone by itself when it fails, and is told of the others' commit before it counts as done.
"""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import peewee

#: How much one commit may be for: other processes wait for it, and who was first waits for the last.
_MOST_UNITS = 16
_LONGEST_SECONDS = 0.001


class Batch:
    """Units of work that are committed together, or not at all; `number` is that of the commit (see `GroupCommit.record`)."""

    def __init__(self, turn: AbstractContextManager[None]) -> None:
        self.turn = turn
        self.units = 0
        self.number = 0
        self.error: BaseException | None = None
        self._since = time.monotonic()
        self._over = threading.Event()

    def may_grow(self) -> bool:
        """Whether another unit may join, rather than the present ones be committed."""
        is_small = self.units < _MOST_UNITS and time.monotonic() - self._since < _LONGEST_SECONDS
        return self.units > 0 and is_small and self.error is None

    def end(self) -> None:
        """It has been committed, or has failed."""
        self._over.set()

    def wait(self) -> None:
        """Return when it has ended; raises what it failed with."""
        self._over.wait()
        if self.error is not None:
            raise self.error


class WriteBatches:
    """The turns of one process's threads at its one connection for writing.

    `open_connection` makes it; `turn` is the process's turn at the file; `record` numbers a commit; nobody waits longer than
    `wait_seconds` for a turn.
    """

    def __init__(
        self,
        open_connection: Callable[[], Any],
        turn: Callable[[], AbstractContextManager[None]],
        record: Callable[[], int],
        wait_seconds: float,
    ) -> None:
        self._open, self._turn, self._record, self._wait_seconds = open_connection, turn, record, wait_seconds
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_busy = False
        self._batch: Batch | None = None
        self._connection: Any = None

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, unless somebody writes; the next one who writes opens another."""
        with self._mutex:
            if not self._is_busy:
                self._forget_connection()

    @contextmanager
    def unit(self) -> Iterator[tuple[Any, Batch]]:
        """One unit of work on the connection that this gives; committed at the end, perhaps together with others.

        Raises peewee's OperationalError when the turn does not come in time, and what the commit failed with.
        """
        self._take_turn()
        try:
            batch = self._batch = self._batch or self._begun()
        except BaseException:
            self._pass_on()
            raise
        try:
            if batch.units:
                self._run("SAVEPOINT unit")
            yield self._connection, batch
            if batch.units:
                self._run("RELEASE unit")
            batch.units += 1
        except BaseException as error:
            self._undo(batch, error)
            self._leave(batch)
            raise
        self._leave(batch)
        batch.wait()

    def _take_turn(self) -> None:
        with self._mutex:
            if not self._is_busy:
                self._is_busy = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=self._wait_seconds):
            return
        with self._mutex:
            if mine in self._waiting:  # or else the turn has come just now
                self._waiting.remove(mine)
                raise peewee.OperationalError("the database is busy: other writers took too long")

    def _pass_on(self) -> None:
        with self._mutex:
            self._is_busy = self._call_next()

    def _call_next(self) -> bool:
        if self._waiting:
            self._waiting.popleft().release()
            return True
        return False

    def _begun(self) -> Batch:
        turn = self._turn()
        if self._connection is None:
            self._connection = self._open()
        turn.__enter__()
        try:
            self._begin()
        except BaseException as error:
            turn.__exit__(type(error), error, error.__traceback__)
            raise
        return Batch(turn)

    def _begin(self) -> None:
        try:
            self._run("BEGIN IMMEDIATE")
        except peewee.PeeweeException as error:
            if not _is_left_behind(error.__context__):
                raise
            self._forget_connection()
            self._connection = self._open()
            self._run("BEGIN IMMEDIATE")

    def _undo(self, batch: Batch, error: BaseException) -> None:
        """Undo a unit that failed; where that cannot be done, or SQLite has undone more, the whole batch has failed."""
        if batch.units:
            with suppress(peewee.PeeweeException):
                self._run("ROLLBACK TO unit")
                self._run("RELEASE unit")
                return
            batch.error = error if isinstance(error, peewee.PeeweeException) else _undone(error)

    def _leave(self, batch: Batch) -> None:
        """Let the next unit join, or commit."""
        with self._mutex:
            if batch.may_grow() and self._call_next():
                return
        try:
            self._run("COMMIT" if batch.units and batch.error is None else "ROLLBACK")
            batch.number = self._record()
        except BaseException as error:  # noqa: BLE001 - everybody who is in the batch raises it
            batch.error = batch.error or error
            self._forget_connection()
        self._batch = None
        batch.turn.__exit__(None, None, None)
        self._pass_on()
        batch.end()

    def _run(self, sql: str) -> None:
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            self._connection.execute(sql)

    def _forget_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # whatever is wrong with it, the next one who writes gets another
                connection.close()


def _is_left_behind(error: BaseException | None) -> bool:
    """Whether the connection still reads an older state, of a query that nobody read to its end: what it begins then cannot write."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY_SNAPSHOT


def _undone(error: BaseException) -> peewee.OperationalError:
    undone = peewee.OperationalError("the change was undone with another one that failed")
    undone.__cause__ = error
    return undone
