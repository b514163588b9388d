"""Watches executions in a contestant's database, past its API, so that watching costs every contestant the same."""

import sqlite3
from collections.abc import Collection
from typing import Any


class Probe:
    """Reads the state of executions in `table` (columns `id` and `status`) of the database at `url`."""

    def __init__(self, url: str, table: str) -> None:
        self._table = table
        self._mark = "?" if url.startswith("sqlite:") else "%s"
        self._connection: Any = connected(url)

    def finished(self, ids: Collection[str]) -> set[str]:
        """Those of `ids` that succeeded."""
        marks = ", ".join([self._mark] * len(ids))
        sql = f"SELECT id FROM {self._table} WHERE id IN ({marks}) AND status = 'succeeded'"
        return {row[0] for row in self._connection.execute(sql, list(ids))}

    def count(self) -> int:
        """How many succeeded."""
        row = self._connection.execute(f"SELECT count(*) FROM {self._table} WHERE status = 'succeeded'").fetchone()
        return int(row[0])

    def first(self, sql: str) -> str:
        """The first column of the first row of a query."""
        return str(self._connection.execute(sql).fetchone()[0])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def connected(url: str) -> Any:
    """A connection to the database at `url`, past every scope; each statement is its own transaction."""
    if url.startswith("sqlite:"):
        return sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=30)
    import psycopg

    return psycopg.connect(url, autocommit=True)
