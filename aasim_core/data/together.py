"""Several writes as one statement of PostgreSQL: the parts of a WITH."""

from collections.abc import Sequence

from .statements import Statement
from .unit_of_work import Write

_AS_EXPECTED = "1 / (SELECT count(*) FROM part{0}) AS part{0}_is_as_expected"
_UNSYNCED = "set_config('synchronous_commit', 'off', true)"


def together(writes: Sequence[Write], *, durable: bool = True) -> Statement:
    """One statement that does what these do, in the order of their parameters; each part sees what was there before all of them.

    Constraints are checked when all are done, so a row may refer to one that another part writes. A part that has to change one row
    and does not makes the statement fail: one is divided by the number of rows. Not `durable`: a commit of it does not wait for the
    disk.
    """
    asked = [_AS_EXPECTED.format(number) for number, write in enumerate(writes) if write.expects_one]
    asked += [] if durable else [_UNSYNCED]
    texts = [f"{write.statement.sql} RETURNING 1" if write.expects_one else write.statement.sql for write in writes]
    last = f"SELECT {', '.join(asked)}" if asked else texts.pop()
    parts = ", ".join(f"part{number} AS ({text})" for number, text in enumerate(texts))
    crosses = any(write.statement.crosses for write in writes)
    return Statement(f"WITH {parts} {last}" if parts else last, (), crosses, gives_rows=False)
