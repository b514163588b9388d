"""Watches executions in a contestant's database, past its API, so that watching costs every contestant the same."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any


class Probe:
    """Reads the state of executions in `table` (columns `id` and `status`) of the database at `url`."""

    def __init__(self, url: str, table: str) -> None:
        among = "IN (SELECT value FROM json_each(?))" if url.startswith("sqlite:") else "= ANY(%s::text[])"
        self._given = json.dumps if url.startswith("sqlite:") else list
        self._finished = f"SELECT id FROM {table} WHERE id {among} AND status = 'succeeded'"
        self._connection: Any = connected(url)

    def finished(self, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that succeeded; found by their keys, so that it costs as much however many there were before."""
        return {row[0] for row in self._connection.execute(self._finished, [self._given(list(ids))])}

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

    # A table that had been small when PostgreSQL last looked would be read as a whole, twenty times a second.
    return psycopg.connect(url, autocommit=True, options="-c enable_seqscan=off")
