"""Combine several writes into one PostgreSQL statement with WITH clauses."""

from collections.abc import Sequence
from typing import Any

from ...statements import Statement
from ...transactions import Write

_AS_EXPECTED = "1 / (SELECT count(*) FROM part{0}) AS part{0}_is_as_expected"
_UNSYNCED = "set_config('synchronous_commit', 'off', true)"


def together(writes: Sequence[Write], *, durable: bool = True) -> Statement:
    """Return one statement that runs all the writes, in the order of their parameters; no part sees the effects of another.

    Constraints are checked at the end, so a row may refer to one that another part writes. A part that must change one row and does not
    makes the statement fail with a division by zero. The columns returned by the one part with a `tell` callback come first in the
    statement's single row. If not `durable`, the commit does not wait for the disk.
    """
    asked = _asked(writes, durable=durable)
    texts = [_text(write) for write in writes]
    told = [number for number, write in enumerate(writes) if write.tell is not None]
    if told:
        # The joined row exists even where the part returned none, so the division is evaluated.
        last = f"SELECT part{told[0]}.*, {', '.join(asked)} FROM (SELECT 1) AS one LEFT JOIN part{told[0]} ON true"  # noqa: S608 - made of statements
    else:
        last = f"SELECT {', '.join(asked)}" if asked else texts.pop()
    parts = ", ".join(f"part{number} AS ({text})" for number, text in enumerate(texts))
    crosses = any(write.statement.crosses for write in writes)
    return Statement(f"WITH {parts} {last}" if parts else last, (), crosses, gives_rows=False)


def tell_returned(writes: Sequence[Write], row: Sequence[Any] | None, *, durable: bool) -> None:
    """Pass the returned columns to the part's `tell` callback; `row` is the statement's only row."""
    for write in writes:
        if write.tell is not None and row is not None:
            write.tell(row[: len(row) - len(_asked(writes, durable=durable))])


def _asked(writes: Sequence[Write], *, durable: bool) -> list[str]:
    """Return the statement's extra conditions: each part changed as many rows as expected, and the commit does not wait for the disk."""
    asked = [_AS_EXPECTED.format(number) for number, write in enumerate(writes) if write.expects_one]
    return asked if durable else [*asked, _UNSYNCED]


def _text(write: Write) -> str:
    counts = write.expects_one and write.tell is None
    return f"{write.statement.sql} RETURNING 1" if counts else write.statement.sql
