"""A transaction as far as the database has not heard of it yet.

Writes whose result nobody asks for wait, and go together: when something is asked, or at the end. On PostgreSQL each statement takes a
round trip; on SQLite everybody else waits from the first one to the commit. If they are all there is to a transaction, they are it.

Most changes of one row are of that kind too, though each has a condition: nearly always the row is as it was seen. An *optimistic*
transaction takes for granted that it is. Where that was a mistake nothing of it is written, and it is done again, one change after the
other (see `ScopedDatabase.attempt`).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .statements import Statement

# PostgreSQL takes 65,535 parameters in a statement; and of statements that have many parts, hardly one is met again.
_MOST_PARAMETERS, _MOST_WRITES = 60_000, 16


class Mistaken(Exception):
    """A row was not as an optimistic transaction expected it."""


class Write(NamedTuple):
    """A statement that nobody asks for its result, with its parameters.

    Where it `expects_one`, it has to change exactly one row, or else `Mistaken`; what it returns of that, `tell` is called with.
    """

    statement: Statement
    parameters: Sequence[Any]
    expects_one: bool = False
    tell: Callable[[Any], object] | None = None


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
    """What one unit of work collects until it commits; `on_mistake` puts back what is held in memory, where an optimistic one was."""

    def __init__(self, *, optimistic: bool = False) -> None:
        self.optimistic = optimistic
        self.events: list[Any] = []
        self.jobs: list[Any] = []
        self.after_commit: list[Callable[[], object]] = []
        self.on_mistake: list[Callable[[], object]] = []
        #: Organizations of which others must look again at what they know.
        self.bumped: set[str] = set()
        self.failed = False
