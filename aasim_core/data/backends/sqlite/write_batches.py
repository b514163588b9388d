"""Batch units of work of several threads into one SQLite transaction while more threads are waiting.

A commit costs more than most changes: it writes whole pages, other connections reread them, and other processes get their turn. So the
threads of a process write over one connection in turn, and the last one commits for all. Each unit is rolled back separately when it fails,
and is done only when the shared commit has succeeded.
"""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import peewee

#: A unit of work's action on the connection; any thread may run it.
Work = Callable[[Any], object]
#: Limits of one commit: other processes wait for it, and the first unit waits for the last.
_MOST_UNITS = 16
_LONGEST_SECONDS = 0.001


class Place:
    """A thread's entry in the queue. A thread ahead of it may run its `work` as part of `batch`."""

    def __init__(self, work: Work | None) -> None:
        self.work = work
        self.batch: Batch | None = None
        self.error: BaseException | None = None
        self.turn = threading.Lock()


class Batch:
    """Units of work that commit together or not at all; `number` is that of the commit (see `GroupCommit.record`).

    `guests` are the queue entries whose work another thread ran; they are notified at the end.
    """

    def __init__(self, turn: AbstractContextManager[None]) -> None:
        self.turn = turn
        self.guests: list[Place] = []
        self.units = 0
        self.number = 0
        self.error: BaseException | None = None
        self._since = time.monotonic()
        self._over = threading.Event()

    def may_grow(self) -> bool:
        """Return whether another unit may join before the batch is committed."""
        is_small = self.units < _MOST_UNITS and time.monotonic() - self._since < _LONGEST_SECONDS
        return self.units > 0 and is_small and self.error is None

    def end(self) -> None:
        """Mark the batch as committed or failed."""
        self._over.set()
        for guest in self.guests:
            guest.turn.release()

    def wait(self) -> None:
        """Return when the batch has ended; raises its error if it failed."""
        self._over.wait()
        if self.error is not None:
            raise self.error


class WriteBatches:
    """Schedules the threads of one process on its single writing connection.

    `open_connection` opens it; `turn` is the process's turn at the file; `record` numbers a commit; `wait_seconds` bounds each wait for a
    turn.
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
        self._waiting: deque[Place] = deque()
        self._is_busy = False
        self._batch: Batch | None = None
        self._connection: Any = None

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection unless it is in use; the next writer opens another."""
        with self._mutex:
            if not self._is_busy:
                self._forget_connection()

    @contextmanager
    def unit(self) -> Iterator[tuple[Any, Batch]]:
        """Run one unit of work on the yielded connection; it is committed at the end, perhaps together with others.

        Raises peewee's OperationalError when the turn does not come in time, and the error of the commit.
        """
        self._take_turn(Place(None))
        with self._member() as found:
            yield found

    def write(self, work: Work) -> int:
        """Run `work` as one unit, or let the thread whose turn it is run it; returns the commit's number. Raises what `unit` does."""
        place = Place(work)
        self._take_turn(place)
        if place.batch is None:
            with self._member() as (connection, batch):
                work(connection)
            return batch.number
        place.batch.wait()
        if place.error is not None:
            raise place.error
        return place.batch.number

    @contextmanager
    def _member(self) -> Iterator[tuple[Any, Batch]]:
        """Run a unit in the current or a new batch, in the thread whose turn it is."""
        try:
            batch = self._batch = self._batch or self._begun()
        except BaseException:
            self._pass_on()
            raise
        try:
            with self._undoable(batch):
                yield self._connection, batch
        finally:
            self._leave(batch)
        batch.wait()

    @contextmanager
    def _undoable(self, batch: Batch) -> Iterator[None]:
        try:
            if batch.units:
                self._run("SAVEPOINT unit")
            yield
            if batch.units:
                self._run("RELEASE unit")
            batch.units += 1
        except BaseException as error:
            self._undo(batch, error)
            raise

    def _take_turn(self, place: Place) -> None:
        """Return when it is the turn of `place`, or when its work has been done."""
        with self._mutex:
            if not self._is_busy:
                self._is_busy = True
                return
            place.turn.acquire()
            self._waiting.append(place)
        while not place.turn.acquire(timeout=self._wait_seconds):
            with self._mutex:
                if place in self._waiting:  # otherwise it has just become this thread's turn, or the work is being done
                    self._waiting.remove(place)
                    raise peewee.OperationalError("the database is busy: other writers took too long")

    def _pass_on(self) -> None:
        with self._mutex:
            self._is_busy = self._call_next()

    def _call_next(self) -> bool:
        if self._waiting:
            self._waiting.popleft().turn.release()
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
        """Roll back a failed unit; if that is impossible, or SQLite has rolled back more, the whole batch has failed."""
        if batch.units:
            with suppress(peewee.PeeweeException):
                self._run("ROLLBACK TO unit")
                self._run("RELEASE unit")
                return
            batch.error = error if isinstance(error, peewee.PeeweeException) else _undone(error)

    def _leave(self, batch: Batch) -> None:
        """Run the waiting work of others, hand over to the next writer, or commit."""
        while (place := self._next_member(batch)) is not None:
            if place.work is None:
                place.turn.release()
                return
            self._do_for(place, place.work, batch)
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

    def _next_member(self, batch: Batch) -> Place | None:
        with self._mutex:
            return self._waiting.popleft() if self._waiting and batch.may_grow() else None

    def _do_for(self, place: Place, work: Work, batch: Batch) -> None:
        place.batch = batch
        batch.guests.append(place)
        try:
            with self._undoable(batch):
                work(self._connection)
        except BaseException as error:  # noqa: BLE001 - it is raised where the work comes from
            place.error = error

    def _run(self, sql: str) -> None:
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            self._connection.execute(sql)

    def _forget_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # whatever the error, the next writer opens a new connection
                connection.close()


def _is_left_behind(error: BaseException | None) -> bool:
    """Return whether an unfinished query pins the connection to an older snapshot: a transaction begun then cannot write."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY_SNAPSHOT


def _undone(error: BaseException) -> peewee.OperationalError:
    undone = peewee.OperationalError("the change was undone with another one that failed")
    undone.__cause__ = error
    return undone
