"""Fresh databases for the contestants, on SQLite and on PostgreSQL, removed when they were used."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

#: Where a PostgreSQL superuser can be reached; the databases made are named `bench_…`.
SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres").rpartition("/")[0]
#: The Redis database of the benchmarks, which empties it.
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0").rpartition("/")[0] + "/15"


@dataclass(frozen=True)
class Database:
    """An empty database: its address, and a folder for files beside it."""

    kind: str
    url: str
    folder: Path


@contextmanager
def fresh(kind: str, name: str) -> Iterator[Database]:
    """An empty database of `kind` (`sqlite` or `postgresql`) while the body runs."""
    folder = Path(mkdtemp(prefix=f"aasim-bench-{name}-"))
    try:
        if kind == "sqlite":
            yield Database(kind, f"sqlite:///{folder / 'bench.sqlite3'}", folder)
        else:
            with _postgresql(name) as url:
                yield Database(kind, url, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgresql(name: str) -> Iterator[str]:
    database = f"bench_{name}_{os.getpid()}"
    run_on_server(f"CREATE DATABASE {database}")
    try:
        yield f"{SERVER}/{database}"
    finally:
        run_on_server(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


def role() -> str:
    """A role that owns nothing, for contestants with a second wall; it stays."""
    run_on_server(
        "DO $$ BEGIN CREATE ROLE aasim_bench NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    return "aasim_bench"


def run_on_server(statement: str) -> None:
    """Run one statement on the PostgreSQL server, outside any transaction."""
    import psycopg

    with psycopg.connect(f"{SERVER}/postgres", autocommit=True, connect_timeout=5) as connection:
        connection.execute(statement)


def has_postgresql() -> bool:
    """Whether the PostgreSQL server answers."""
    import psycopg

    try:
        run_on_server("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


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
