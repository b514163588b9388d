"""Record the statements that are sent to the database, and their query plans."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..context import system_scope
from ..data.backends.connect import connect
from ..data.backends.sqlite.database import SqliteDatabase
from ..data.database import Database
from ..data.scope import mentions_tenants


class Sent(NamedTuple):
    """One statement and what filled its parameters."""

    sql: str
    parameters: Sequence[Any]


@contextmanager
def recorded(database: Database) -> Iterator[list[Sent]]:
    """Collect the statements that are run inside, but for those that only tell PostgreSQL the scope."""
    sent: list[Sent] = []

    def note(event: Any) -> None:
        if "set_config" not in event.sql:
            sent.append(Sent(event.sql, list(event.params or ())))

    database.query_hooks.append(note)
    try:
        yield sent
    finally:
        database.query_hooks.remove(note)


def summary(statements: Iterable[str], most: int = 10) -> str:
    """The statements, a line each, and how often each was run: the most frequent ones first, and no more than `most`."""
    counted = Counter(statements)
    lines = [f"{times} × {sql}" for sql, times in counted.most_common(most)]
    return "\n".join([*lines, *([f"and {len(counted) - most} others"] if len(counted) > most else [])])


def analyze(url: str) -> None:
    """Let the database at `url` count what is in its tables, as it does after a while; plans are made with that."""
    owner = connect(url)  # only who owns a table may
    with system_scope("analyze"), owner.connected():
        owner.execute_sql("ANALYZE")
    owner.close_all()


def plan_of(database: Database, statement: Sent) -> str:
    """How the database runs the statement, which was rendered for the scope that is open."""
    explain = "EXPLAIN QUERY PLAN" if isinstance(database, SqliteDatabase) else "EXPLAIN"
    confined = mentions_tenants(statement.sql, database.tenant_tables)
    rows = database.run_rendered(f"{explain} {statement.sql}", statement.parameters, confined).fetchall()
    return "\n".join(str(row[-1]) for row in rows)
