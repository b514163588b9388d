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

#: What a unit of work does with the connection; any thread may do it.
Work = Callable[[Any], object]
#: How much one commit may be for: other processes wait for it, and who was first waits for the last.
_MOST_UNITS = 16
_LONGEST_SECONDS = 0.001


class Place:
    """A thread's place in the queue. Who comes before it may do its `work` for it, which has then become part of `batch`."""

    def __init__(self, work: Work | None) -> None:
        self.work = work
        self.batch: Batch | None = None
        self.error: BaseException | None = None
        self.turn = threading.Lock()


class Batch:
    """Units of work that are committed together, or not at all; `number` is that of the commit (see `GroupCommit.record`).

    `guests` are the places whose work was done by another thread; they are told of the end.
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
        """Whether another unit may join, rather than the present ones be committed."""
        is_small = self.units < _MOST_UNITS and time.monotonic() - self._since < _LONGEST_SECONDS
        return self.units > 0 and is_small and self.error is None

    def end(self) -> None:
        """It has been committed, or has failed."""
        self._over.set()
        for guest in self.guests:
            guest.turn.release()

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
        self._waiting: deque[Place] = deque()
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
        self._take_turn(Place(None))
        with self._member() as found:
            yield found

    def write(self, work: Work) -> int:
        """Do `work` as one unit, or let the thread do it that has the turn; returns the number of the commit. Raises what `unit` does."""
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
        """A unit of the batch that there is, or of a new one, by the thread that has the turn."""
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
        if place.turn.acquire(timeout=self._wait_seconds):
            return
        with self._mutex:
            if place in self._waiting:
                self._waiting.remove(place)
                raise peewee.OperationalError("the database is busy: other writers took too long")
        place.turn.acquire()  # it has come just now, or the work is being done

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
        """Undo a unit that failed; where that cannot be done, or SQLite has undone more, the whole batch has failed."""
        if batch.units:
            with suppress(peewee.PeeweeException):
                self._run("ROLLBACK TO unit")
                self._run("RELEASE unit")
                return
            batch.error = error if isinstance(error, peewee.PeeweeException) else _undone(error)

    def _leave(self, batch: Batch) -> None:
        """Do what others wait for, let the next one do what it has to do itself, or commit."""
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
            with suppress(sqlite3.Error):  # whatever is wrong with it, the next one who writes gets another
                connection.close()


def _is_left_behind(error: BaseException | None) -> bool:
    """Whether the connection still reads an older state, of a query that nobody read to its end: what it begins then cannot write."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY_SNAPSHOT


def _undone(error: BaseException) -> peewee.OperationalError:
    undone = peewee.OperationalError("the change was undone with another one that failed")
    undone.__cause__ = error
    return undone
