"""Deferred writes of a transaction, before they are sent to the database.

Writes without a result are deferred and sent together: with the next statement that has one, or at the end. On PostgreSQL each statement
costs a round trip; on SQLite other writers wait from the first write to the commit. Deferred writes alone are sent as one transaction.

Most changes of one row are deferred too, though each has a condition, because the row nearly always is as it was read. An *optimistic*
transaction assumes that it is. On a conflict nothing is written, and the transaction runs again with each change applied at once (see
`ScopedDatabase.attempt`).
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import structlog

from .statements import Statement

# PostgreSQL takes 65,535 parameters per statement; and statements with many parts are rarely reused.
_MOST_PARAMETERS, _MOST_WRITES = 60_000, 16
_log = structlog.get_logger("aasim.data")


class Conflict(Exception):
    """A conflict: a row was not as an optimistic transaction expected."""


class Write(NamedTuple):
    """A deferred statement with its parameters.

    If it `expects_one`, it must change exactly one row, otherwise `Conflict` is raised; `tell` is called with what it returns of that row.
    `row_id` is the row's id: if two changes of one row were sent together, the second would not see the first.
    """

    statement: Statement
    parameters: Sequence[Any]
    expects_one: bool = False
    tell: Callable[[Any], object] | None = None
    row_id: str | None = None


class UnitOfWork:
    """One running transaction: whether it has `begun` in the database, and its deferred writes; a snapshot has none."""

    def __init__(self, *, durable: bool, is_snapshot: bool = False) -> None:
        self.durable, self.is_snapshot = durable, is_snapshot
        self.begun = False
        self.waiting: list[Write] = []
        self._parameters = 0
        self._scope = ""

    def has_room(self, scope: str, write: Write) -> bool:
        """Return whether a write in that scope can be sent together with the deferred ones; one of them may return something."""
        fits = len(self.waiting) < _MOST_WRITES and self._parameters + len(write.parameters) <= _MOST_PARAMETERS
        fits = fits and (write.tell is None or all(other.tell is None for other in self.waiting))
        fits = fits and (write.row_id is None or all(other.row_id != write.row_id for other in self.waiting))
        return not self.waiting or (fits and scope == self._scope)

    def put(self, scope: str, write: Write) -> None:
        """Defer a write; RuntimeError in a snapshot."""
        self.refuse_in_snapshot()
        self._scope = scope
        self.waiting.append(write)
        self._parameters += len(write.parameters)

    def refuse_in_snapshot(self) -> None:
        """RuntimeError in a snapshot."""
        if self.is_snapshot:
            raise RuntimeError("nothing is written in a snapshot; write after it, in a transaction of its own")

    def take(self) -> tuple[str, list[Write]]:
        """Return the scope and the deferred writes, and clear them."""
        taken = self._scope, self.waiting
        self.waiting, self._parameters = [], 0
        return taken


class Transaction:
    """What one unit of work collects until it ends; `on_rollback` restores state in memory after a rollback."""

    def __init__(self, *, optimistic: bool = False) -> None:
        self.optimistic = optimistic
        self.events: list[Any] = []
        #: The (event, listener) pairs of which the listener wants the event.
        self.wanted: list[tuple[Any, str]] = []
        #: The enqueued jobs, by what is unique about each.
        self.jobs: dict[Any, Any] = {}
        #: The version that it gave each versioned record, by id.
        self.revisions: dict[str, int] = {}
        #: Actions to run last, after all rows and events are written, by the names under which they were deferred; they emit no events.
        self.at_end: dict[str, Callable[[], object]] = {}
        self.after_commit: list[Callable[[], object]] = []
        self.on_rollback: list[Callable[[], object]] = []
        #: Organizations whose cached state other processes must refresh.
        self.bumped: set[str] = set()
        self.failed = False

    def end(self, *, committed: bool) -> None:
        """Run the actions after the commit, or restore the state in memory."""
        if committed:
            for action in self.after_commit:
                _run_apart(action)
        else:
            for put_back in reversed(self.on_rollback):
                put_back()


class ThreadState(threading.local):
    """A database's state per thread: its transaction, and the writes deferred in it."""

    transaction: Transaction | None = None
    unit: UnitOfWork | None = None
    #: On SQLite: the handle of the file's turn within a unit of work, the number of the last commit, and the thread's connection.
    begin: Callable[[], object]
    commit = 0
    connection: object = None
    #: On PostgreSQL: whether the thread has a connection, even a lost one.
    is_held = False


@contextmanager
def joining(transaction: Transaction) -> Iterator[Transaction]:
    """A part of the transaction; its failure fails the transaction."""
    try:
        yield transaction
    except BaseException:
        transaction.failed = True
        raise


def _run_apart(action: Callable[[], object]) -> None:
    try:
        action()
    except Exception as error:  # noqa: BLE001 - whatever it is, the change is committed, and must not look as if it were not
        _log.exception("an action after a commit failed", reason=type(error).__name__)
