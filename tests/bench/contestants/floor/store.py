"""The floor's storage: sqlite3 or psycopg by hand, one connection a thread, prepared statements, short durable writes."""

import fcntl
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ..shape import COLUMNS

Row = Sequence[Any]
Execute = Callable[[str, Sequence[Any]], Any]

SCHEMA = (
    "CREATE TABLE organization (id TEXT PRIMARY KEY, status TEXT NOT NULL)",
    "CREATE TABLE person (id TEXT PRIMARY KEY, status TEXT NOT NULL)",
    "CREATE TABLE membership (person_id TEXT, organization_id TEXT, role TEXT, PRIMARY KEY (person_id, organization_id))",
    "CREATE TABLE session (id TEXT PRIMARY KEY, person_id TEXT NOT NULL, revoked_at TEXT)",
    "CREATE TABLE agent ({})".format(
        ", ".join(f"{name} {'INTEGER' if 'version' in name else 'TEXT'}" for name in COLUMNS)
        + ", deleted_at TEXT, PRIMARY KEY (id)"
    ),
    "CREATE INDEX agent_newest ON agent (organization_id, created_at, id)",
    "CREATE INDEX agent_visible ON agent (organization_id, deleted_at, visibility, owner_id)",
    "CREATE UNIQUE INDEX agent_name ON agent (organization_id, name)",
    "CREATE TABLE event (id TEXT PRIMARY KEY, organization_id TEXT, at TEXT, actor TEXT, name TEXT, subject TEXT, data TEXT)",
    "CREATE INDEX event_newest ON event (organization_id, at)",
    "CREATE TABLE execution (id TEXT PRIMARY KEY, organization_id TEXT, agent_id TEXT, status TEXT, input TEXT, output TEXT,"
    " created_at TEXT, finished_at TEXT)",
    "CREATE TABLE job (id TEXT PRIMARY KEY, execution_id TEXT, payload TEXT, state TEXT, run_at TEXT)",
    "CREATE INDEX job_due ON job (state, run_at)",
)


class Store(Protocol):
    """The little that the floor asks of a database; statements are written with `?` and adapted once."""

    def prepare(self, sql: str) -> str: ...
    def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]: ...
    def write(self) -> Any: ...


class Sqlite:
    """SQLite: WAL, synchronous=FULL, and a file lock that queues the writers of all processes fairly."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._local = threading.local()

    def prepare(self, sql: str) -> str:
        return sql

    def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        return self._connection().execute(sql, values).fetchall()

    @contextmanager
    def write(self) -> Iterator[Execute]:
        connection = self._connection()
        lock = self._local.lock
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection.execute
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)

    def _connection(self) -> sqlite3.Connection:
        local = self._local
        try:
            return local.connection  # type: ignore[no-any-return]
        except AttributeError:
            local.connection = sqlite3.connect(self._path, isolation_level=None, timeout=30, cached_statements=256)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "mmap_size=268435456"):
                local.connection.execute(f"PRAGMA {pragma}")
            local.lock = Path(f"{self._path}.lock").open("wb")  # noqa: SIM115 - kept as long as its thread
            return local.connection  # type: ignore[no-any-return]


class Postgres:
    """PostgreSQL: one autocommit connection a thread, every statement prepared."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()

    def prepare(self, sql: str) -> str:
        return sql.replace("?", "%s")

    def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        return self._cursor().execute(sql, values, prepare=True).fetchall()  # type: ignore[no-any-return]

    @contextmanager
    def write(self) -> Iterator[Execute]:
        cursor = self._cursor()
        with cursor.connection.transaction():
            yield lambda sql, values: cursor.execute(sql, values, prepare=True)

    def _cursor(self) -> Any:
        local = self._local
        try:
            return local.cursor
        except AttributeError:
            import psycopg

            local.cursor = psycopg.connect(self._url, autocommit=True).cursor()
            return local.cursor


def open_store(url: str) -> Store:
    """The store at `url` (`sqlite:///path` or `postgresql://…`)."""
    return Sqlite(url.removeprefix("sqlite:///")) if url.startswith("sqlite:") else Postgres(url)
