"""A transaction on PostgreSQL as far as the server has not heard of it yet.

Each statement that is sent takes a round trip, and time of this process besides. So the server hears of a transaction with the first
statement that needs one, and writes whose result nobody asks for go to it together, as one statement. A transaction that consists of
nothing else needs no BEGIN and no COMMIT: PostgreSQL makes each statement a transaction by itself.
"""

from collections.abc import Sequence
from typing import Any

from .statements import Statement

BEGIN = "BEGIN"
# PostgreSQL takes 65,535 parameters in a statement; and of statements that have many parts, hardly one is met again.
_MOST_PARAMETERS, _MOST_STATEMENTS = 60_000, 16


class UnitOfWork:
    """One running transaction: `beginning` is what it begins with, until that was sent; `waiting` the writes that go together."""

    def __init__(self, beginning: str) -> None:
        self.beginning: str | None = beginning
        self.waiting: list[Statement] = []
        self._parameters: list[Any] = []
        self._scope = ""

    def has_room(self, scope: str, parameters: Sequence[Any]) -> bool:
        """Whether a write in that scope can go together with those that wait."""
        fits = len(self.waiting) < _MOST_STATEMENTS and len(self._parameters) + len(parameters) <= _MOST_PARAMETERS
        return not self.waiting or (fits and scope == self._scope)

    def put(self, scope: str, statement: Statement, parameters: Sequence[Any]) -> None:
        """Let a write wait."""
        self._scope = scope
        self.waiting.append(statement)
        self._parameters += parameters

    def take(self) -> tuple[str, list[Statement], list[Any]]:
        """What waited, and waits no longer: the scope, the statements, and the parameters of all."""
        taken = self._scope, self.waiting, self._parameters
        self.waiting, self._parameters = [], []
        return taken


def together(statements: Sequence[Statement]) -> Statement:
    """One statement that does what these do; each sees what was there before all of them, as the parts of a WITH do.

    Constraints are checked when all are done, so a row may refer to one that another part writes.
    """
    *others, last = statements
    if not others:
        return last
    parts = ", ".join(f"part{number} AS ({statement.sql})" for number, statement in enumerate(others))
    return Statement(f"WITH {parts} {last.sql}", (), any(statement.crosses for statement in statements), gives_rows=False)
