"""One read made together with the one before it, so that it takes no round trip of its own.

A request names the object that it is about in its path, and the first thing that is read is who sent it: both can be read at once, and
whoever may not see the object is refused before anybody asks for it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .statements import Result, Statement

#: What is asked for later than this is read again: a slow body may lie in between.
_FRESH_SECONDS = 0.1


class Reading(NamedTuple):
    """A statement that reads one row of so many columns at most, and its parameters."""

    statement: Statement
    parameters: Sequence[Any]
    columns: int


@dataclass
class Foresight:
    """A read that is going to be asked for; `ask` tells which one, in the organization in scope. What it gave is kept until then."""

    ask: Callable[[], Reading]
    reading: Reading | None = None
    result: Result | None = None
    at: float = 0

    def answer(self, statement: Statement, parameters: Sequence[Any]) -> Result | None:
        """What was read just now, if this is what was foreseen."""
        reading = self.reading
        is_it = reading is not None and reading.statement.sql == statement.sql and reading.parameters == parameters
        return self.result if is_it and abs(time.time() - self.at) < _FRESH_SECONDS else None

    def divide(self, result: Result) -> Result:
        """Keep what the second part of a statement of `beside` gave; returns what the first one did."""
        reading, row = self.reading, result.fetchone()
        if reading is None or row is None:
            return result
        found = row[-reading.columns :]
        is_there = any(value is not None for value in found)
        self.result, self.at = Result([found], 1) if is_there else Result([], 0), time.time()
        return Result([row[: -reading.columns] for row in result.fetchall()], result.rowcount)


def beside(first: Statement, second: Statement) -> Statement:
    """One statement that reads what two do: each row of the first, followed by the second's one row, or by nulls."""
    sql = f"SELECT first.*, second.* FROM ({first.sql}) AS first LEFT JOIN ({second.sql}) AS second ON true"  # noqa: S608 - made of statements
    return Statement(sql, (), first.crosses or second.crosses, gives_rows=True, only_reads=True)
