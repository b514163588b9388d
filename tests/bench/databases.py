"""Fresh databases for the contestants, on SQLite and on PostgreSQL, removed when they were used."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from tempfile import mkdtemp

from aasim_core.testing.databases import server_url

#: Where a PostgreSQL superuser can be reached; the databases made are named `bench_…`.
SERVER = server_url().rpartition("/")[0]
#: The Redis database of the benchmarks, which empties it.
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0").rpartition("/")[0] + "/15"


@dataclass(frozen=True)
class Database:
    """An empty database: its address, a folder for files beside it, and on PostgreSQL a role that owns nothing."""

    kind: str
    url: str
    folder: Path
    role: str | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What tells Aasim to use it."""
        role = {"AASIM_DATABASE__APP_ROLE": self.role} if self.role else {}
        return {"AASIM_DATA_DIR": str(self.folder), "AASIM_DATABASE_URL": self.url, **role}


def settle(database: Database) -> None:
    """Let PostgreSQL look at what was filled in, as its autovacuum does after a while."""
    if database.kind == "postgresql":
        run_on_server("VACUUM ANALYZE", database.url)


@contextmanager
def fresh(kind: str, name: str) -> Iterator[Database]:
    """An empty database of `kind` (`sqlite` or `postgresql`) while the body runs."""
    folder = Path(mkdtemp(prefix=f"aasim-bench-{name}-"))
    try:
        if kind == "sqlite":
            yield Database(kind, f"sqlite:///{folder / 'bench.sqlite3'}", folder)
        else:
            with _postgresql(f"aasim_bench_{name}_{token_hex(4)}") as url:
                yield Database(kind, url, folder, url.rpartition("/")[2])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgresql(name: str) -> Iterator[str]:
    run_on_server(f"CREATE DATABASE {name}")
    run_on_server(f"CREATE ROLE {name} NOLOGIN")
    try:
        yield f"{SERVER}/{name}"
    finally:
        run_on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        run_on_server(f"DROP ROLE IF EXISTS {name}")


def run_on_server(statement: str, url: str = f"{SERVER}/postgres") -> None:
    """Run one statement on the PostgreSQL server (in the database at `url`), outside any transaction."""
    import psycopg

    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute(statement)


def has_redis() -> bool:
    """Whether the Redis server answers."""
    import redis

    try:
        return bool(redis.Redis.from_url(REDIS).ping())
    except redis.RedisError:
        return False


def forget_queues() -> None:
    """Empty the benchmarks' Redis database, if there is a server."""
    import redis

    if has_redis():
        redis.Redis.from_url(REDIS).flushdb()
