"""Several writes as one statement of PostgreSQL: the parts of a WITH."""

from collections.abc import Sequence
from typing import Any

from ...statements import Statement
from ...transactions import Write

_AS_EXPECTED = "1 / (SELECT count(*) FROM part{0}) AS part{0}_is_as_expected"
_UNSYNCED = "set_config('synchronous_commit', 'off', true)"


def together(writes: Sequence[Write], *, durable: bool = True) -> Statement:
    """One statement that does what these do, in the order of their parameters; each part sees what was there before all of them.

    Constraints are checked when all are done, so a row may refer to one that another part writes. A part that has to change one row
    and does not makes the statement fail: one is divided by the number of rows. What the one part returns that has somebody to tell
    comes first in the statement's only row. Not `durable`: a commit of it does not wait for the disk.
    """
    asked = _asked(writes, durable=durable)
    texts = [_text(write) for write in writes]
    told = [number for number, write in enumerate(writes) if write.tell is not None]
    if told:
        # The row that is joined to is there also where the part has none, so that the division is made.
        last = f"SELECT part{told[0]}.*, {', '.join(asked)} FROM (SELECT 1) AS one LEFT JOIN part{told[0]} ON true"  # noqa: S608 - made of statements
    else:
        last = f"SELECT {', '.join(asked)}" if asked else texts.pop()
    parts = ", ".join(f"part{number} AS ({text})" for number, text in enumerate(texts))
    crosses = any(write.statement.crosses for write in writes)
    return Statement(f"WITH {parts} {last}" if parts else last, (), crosses, gives_rows=False)


def tell_returned(writes: Sequence[Write], row: Sequence[Any] | None, *, durable: bool) -> None:
    """Tell what the part returned that has somebody to tell; `row` is the statement's only one."""
    for write in writes:
        if write.tell is not None and row is not None:
            write.tell(row[: len(row) - len(_asked(writes, durable=durable))])


def _asked(writes: Sequence[Write], *, durable: bool) -> list[str]:
    """What the statement asks besides: whether each part has done what is expected, and to go on without the disk."""
    asked = [_AS_EXPECTED.format(number) for number, write in enumerate(writes) if write.expects_one]
    return asked if durable else [*asked, _UNSYNCED]


def _text(write: Write) -> str:
    counts = write.expects_one and write.tell is None
    return f"{write.statement.sql} RETURNING 1" if counts else write.statement.sql
