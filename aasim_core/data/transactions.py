"""A transaction as far as the database has not heard of it yet.

Writes whose result nobody asks for wait, and go together: when something is asked, or at the end. On PostgreSQL each statement takes a
round trip; on SQLite everybody else waits from the first one to the commit. If they are all there is to a transaction, they are it.

Most changes of one row are of that kind too, though each has a condition: nearly always the row is as it was seen. An *optimistic*
transaction takes for granted that it is. Where that was a mistake nothing of it is written, and it is done again, one change after the
other (see `ScopedDatabase.attempt`).
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import structlog

from .statements import Statement

# PostgreSQL takes 65,535 parameters in a statement; and of statements that have many parts, hardly one is met again.
_MOST_PARAMETERS, _MOST_WRITES = 60_000, 16
_log = structlog.get_logger("aasim.data")


class Mistaken(Exception):
    """A row was not as an optimistic transaction expected it."""


class Write(NamedTuple):
    """A statement that nobody asks for its result, with its parameters.

    Where it `expects_one`, it has to change exactly one row, or else `Mistaken`; what it returns of that, `tell` is called with.
    `row_id` is the id of that row: of two changes of one row that go together, the second would not see the first.
    """

    statement: Statement
    parameters: Sequence[Any]
    expects_one: bool = False
    tell: Callable[[Any], object] | None = None
    row_id: str | None = None


class UnitOfWork:
    """One running transaction: whether it has `begun` for the database, and the writes that wait."""

    def __init__(self, *, durable: bool) -> None:
        self.durable = durable
        self.begun = False
        self.waiting: list[Write] = []
        self._parameters = 0
        self._scope = ""

    def has_room(self, scope: str, write: Write) -> bool:
        """Whether a write in that scope can go together with those that wait; one of them may return something."""
        fits = len(self.waiting) < _MOST_WRITES and self._parameters + len(write.parameters) <= _MOST_PARAMETERS
        fits = fits and (write.tell is None or all(other.tell is None for other in self.waiting))
        fits = fits and (write.row_id is None or all(other.row_id != write.row_id for other in self.waiting))
        return not self.waiting or (fits and scope == self._scope)

    def put(self, scope: str, write: Write) -> None:
        """Let a write wait."""
        self._scope = scope
        self.waiting.append(write)
        self._parameters += len(write.parameters)

    def take(self) -> tuple[str, list[Write]]:
        """The scope and the writes that waited, and wait no longer."""
        taken = self._scope, self.waiting
        self.waiting, self._parameters = [], 0
        return taken


class Transaction:
    """What one unit of work collects until it ends; `on_undo` puts back what is held in memory, where it is undone."""

    def __init__(self, *, optimistic: bool = False) -> None:
        self.optimistic = optimistic
        self.events: list[Any] = []
        self.jobs: list[Any] = []
        #: The version that it gave each record whose changes are counted, by id.
        self.revisions: dict[str, int] = {}
        #: What is to be done last, when all rows and events are written, by the names of those who put it off; it emits no events.
        self.at_end: dict[str, Callable[[], object]] = {}
        self.after_commit: list[Callable[[], object]] = []
        self.on_undo: list[Callable[[], object]] = []
        #: Organizations of which others must look again at what they know.
        self.bumped: set[str] = set()
        self.failed = False

    def end(self, *, committed: bool) -> None:
        """Do what was to be done after the commit, or put back what is held in memory."""
        if committed:
            for action in self.after_commit:
                _run_apart(action)
        else:
            for put_back in reversed(self.on_undo):
                put_back()


class ThreadState(threading.local):
    """What a database keeps of each thread: its transaction, and what the database has not heard of that yet."""

    transaction: Transaction | None = None
    unit: UnitOfWork | None = None
    #: On SQLite: what takes the turn at the file, within a unit of work; the number of the last commit, and the thread's connection.
    begin: Callable[[], object]
    commit = 0
    connection: object = None
    #: On PostgreSQL: whether the thread has a connection, be it lost.
    is_held = False


@contextmanager
def joining(transaction: Transaction) -> Iterator[Transaction]:
    """A part of the transaction, which fails when the part does."""
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
