"""Many rows like one that is there, made by the database in one statement: a hundred thousand in a few seconds."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..databases import Database
from ..probe import connected

_SERIES = {
    "postgresql": "generate_series({first}, {last}) AS series(n)",
    "sqlite": "(WITH RECURSIVE series(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM series WHERE n < {last})"
    " SELECT n FROM series)",
}
_WORDS = {
    "postgresql": {
        "number": "lpad(n::text, 26, '0')",
        "moment": """to_char(to_timestamp(1700000000 + n) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')""",
    },
    "sqlite": {"number": "printf('%026d', n)", "moment": "strftime('%Y-%m-%dT%H:%M:%S.000Z', 1700000000 + n, 'unixepoch')"},
}


def multiply(database: Database, table: str, like: str, count: int, grown: Mapping[str, str], first: int = 1) -> None:
    """Write `count` more rows of `table` like the one that meets the condition `like`.

    `grown` says in SQL what is different in each, by column: ``n`` is the row's number from `first` on, ``{number}`` the same as an
    id has it, in 26 digits, and ``{moment}`` a time that grows with it.
    """
    connection = connected(database.url)
    different = {column: text.format(**_WORDS[database.kind]) for column, text in grown.items()}
    columns = _columns(connection, table)
    chosen = ", ".join(different.get(column, column) for column in columns)
    series = _SERIES[database.kind].format(first=first, last=first + count - 1)
    template = f"(SELECT * FROM {table} WHERE {like} LIMIT 1) AS template"
    connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {template}, {series}")
    connection.execute("ANALYZE")
    connection.close()


def _columns(connection: Any, table: str) -> Sequence[str]:
    return [column[0] for column in connection.execute(f"SELECT * FROM {table} LIMIT 1").description]
