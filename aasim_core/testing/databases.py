"""Databases for tests: migrated once a session, emptied for each test, dropped at the end."""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from os import environ
from os.path import samestat
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from ..data.backends.connect import connect
from ..data.migrator.runner import Source, migrate


def server_url() -> str:
    """Where the tests look for PostgreSQL; empty where they shall not."""
    return environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@cache
def has_server() -> bool:
    """Whether PostgreSQL answers there, and the driver to ask it is installed."""
    try:
        import psycopg
    except ImportError:
        return False
    if not server_url():
        return False
    try:
        psycopg.connect(server_url(), connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


class Databases:
    """What makes databases of one kind."""

    app_role: str | None = None

    def create(self) -> str:
        """Make a database without tables; returns its URL."""
        raise NotImplementedError

    def drop(self, url: str) -> None:
        """Remove a database that `create` made."""
        raise NotImplementedError

    def lend(self, sources: Sequence[Source]) -> str:
        """A database with all of these migrations and no rows; returns its URL."""
        raise NotImplementedError

    def take_back(self, url: str) -> None:
        """Accept a database that `lend` gave, whatever was done to it."""
        raise NotImplementedError

    @contextmanager
    def lent(self, sources: Sequence[Source]) -> Iterator[Mapping[str, Any]]:
        """The settings of an app over a database that `lend` gives until the end."""
        url = self.lend(sources)
        role = {"database.app_role": self.app_role} if self.app_role else {}
        yield {"database.url": url, "database.durability": "normal", **role}
        self.take_back(url)

    def _migrated(self, sources: Sequence[Source]) -> str:
        url = self.create()
        database = connect(url, durability="normal")
        migrate(database, sources, self.app_role)
        database.close_all()
        return url


@dataclass
class SqliteFolder(Databases):
    """A folder of SQLite files, copied from one that was migrated."""

    folder: Path
    _templates: dict[tuple[Source, ...], Path] = field(default_factory=dict)
    #: Where databases that were taken back were, for the next ones: apps are shared by their settings, and these name the file.
    _free: list[str] = field(default_factory=list)

    def create(self) -> str:
        """Name a file that is not there yet."""
        return f"sqlite:///{self.folder}/{token_hex(6)}.db"

    def drop(self, url: str) -> None:
        """Remove the file and its companions."""
        for path in self.folder.glob(f"{_path(url).name}*"):
            path.unlink(missing_ok=True)  # a thread that ends removes the log itself

    def lend(self, sources: Sequence[Source]) -> str:
        """Copy the file that has these migrations."""
        key = tuple(sources)
        if key not in self._templates:
            self._templates[key] = self._template(sources)
        url = self._free.pop() if self._free else self.create()
        shutil.copyfile(self._templates[key], _path(url))
        return url

    def take_back(self, url: str) -> None:
        """Remove the copy. A thread that still has it open would, when it ends, remove the log of a next one at this place."""
        is_free = not _is_open(_path(url))
        self.drop(url)
        if is_free:
            self._free.append(url)

    def _template(self, sources: Sequence[Source]) -> Path:
        """A migrated database in one file: a checkpoint that still runs leaves the latest writes in the log file next to it."""
        migrated, template = _path(self._migrated(sources)), _path(self.create())
        with closing(sqlite3.connect(migrated)) as database, closing(sqlite3.connect(template)) as copy:
            database.backup(copy)
        return template


def _is_open(path: Path) -> bool:
    """Whether this process has the file open."""
    if not path.exists():
        return False
    there = path.stat()
    for descriptor in Path("/dev/fd").iterdir():
        with suppress(OSError):  # the one that lists them is closed by now
            if samestat(descriptor.stat(), there):
                return True
    return False


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


# Sessions that were killed leave a role behind, and databases named after it; a session that lives is connected by that name.
_LEFT_BEHIND = """
SELECT r.rolname, d.datname FROM pg_roles r LEFT JOIN pg_database d ON starts_with(d.datname, r.rolname || '_')
WHERE r.rolname ~ '^aasim_test_[0-9a-f]{12}$' AND r.rolname NOT IN (SELECT application_name FROM pg_stat_activity)
"""
# The rows out of the tables that have some. A superuser can do without foreign keys, and need not wait for new files.
_EMPTY_TABLES = """
DO $$
DECLARE
  name text;
  has_rows boolean;
  filled text[] := '{}';
BEGIN
  PERFORM set_config('app.org', '*', false), set_config('lock_timeout', '2s', false);
  FOR name IN SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'core_migration' LOOP
    EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || name || ')' INTO has_rows;
    IF has_rows THEN filled := filled || name; END IF;
  END LOOP;
  IF current_setting('is_superuser') = 'on' THEN
    PERFORM set_config('session_replication_role', 'replica', true);
    FOREACH name IN ARRAY filled LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
  ELSIF filled <> '{}' THEN
    EXECUTE 'TRUNCATE ' || array_to_string(filled, ', ') || ' CASCADE';
  END IF;
END $$
"""
_SCHEMA = """
SELECT array_agg(format('%s.%s %s %s', c.relname, a.attname, c.relrowsecurity, a.attnotnull) ORDER BY c.relname, a.attname)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass
class PostgresServer(Databases):
    """A PostgreSQL server, with a role and databases of this session only."""

    server: str
    connection: Any
    app_role: str
    _free: dict[tuple[Source, ...], str] = field(default_factory=dict)
    _lent: dict[str, tuple[tuple[Source, ...], Any]] = field(default_factory=dict)

    @classmethod
    def open(cls) -> "PostgresServer":
        """The server that the tests use; where one is, `has_server` says."""
        import psycopg

        name = f"aasim_test_{token_hex(6)}"
        connection = psycopg.connect(server_url(), autocommit=True, connect_timeout=3, application_name=name)
        for role, database in connection.execute(_LEFT_BEHIND).fetchall():
            with suppress(psycopg.Error):  # another session does the same
                connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)' if database else "SELECT 1")
                connection.execute(f'DROP ROLE IF EXISTS "{role}"')
        return cls(server_url(), connection, name)

    def create(self) -> str:
        """Make an empty database that belongs to this session."""
        name = f"{self.app_role}_{token_hex(4)}"
        self.connection.execute(f'CREATE DATABASE "{name}"')
        self.connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        return urlsplit(self.server)._replace(path=f"/{name}").geturl()

    def drop(self, url: str) -> None:
        """Drop the database, even if clients are still connected."""
        self.connection.execute(f'DROP DATABASE "{urlsplit(url).path[1:]}" WITH (FORCE)')

    def lend(self, sources: Sequence[Source]) -> str:
        """The database with these migrations, as long as nobody else has it."""
        key = tuple(sources)
        url = self._free.pop(key, None) or self._migrated(sources)
        self._lent[url] = key, self._run(url, _SCHEMA)
        return url

    def take_back(self, url: str) -> None:
        """Empty the tables; drop the database when its tables are other ones than before, or a transaction is still open."""
        import psycopg

        key, schema = self._lent.pop(url)
        try:
            usable = key not in self._free and self._run(url, _SCHEMA, _EMPTY_TABLES) == schema
        except psycopg.errors.LockNotAvailable:
            usable = False
        if usable:
            self._free[key] = url
        else:
            self.drop(url)

    def drop_all(self) -> None:
        """Leave the server as it was."""
        for url in (*self._free.values(), *self._lent):
            self.drop(url)
        self.connection.execute(f'DROP ROLE IF EXISTS "{self.app_role}"')
        self.connection.close()

    def _run(self, url: str, query: str, *then: str) -> Any:
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            answer = connection.execute(query).fetchone()
            for statement in then:
                connection.execute(statement)
        return answer
