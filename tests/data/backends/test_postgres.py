"""The pool of PostgreSQL connections: bounded, quick to give up, and rid of connections that the server has cut."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import peewee
import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.backends.postgres import pool
from aasim_core.data.database import Database

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("databases", ["postgresql"], indirect=True)]


@pytest.fixture
def pooled(empty_database_url: str) -> Iterator[Database]:
    """A database with room for four connections, none of them open."""
    database = connect(empty_database_url, threads=2, wait_seconds=2)
    yield database
    database.close_all()


def backend(database: Database) -> int:
    """Which connection this thread has."""
    number: int = database.execute_sql("SELECT pg_backend_pid()").fetchone()[0]
    return number


def cut_all(database: Database) -> None:
    """Cut every connection but the present one, as a restart of the server does."""
    database.execute_sql(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def in_threads(count: int, action: Callable[[], object]) -> list[object]:
    """What `action` returned or raised in so many threads that begin at the same time."""
    together, results = threading.Barrier(count), []

    def run() -> None:
        together.wait(60)
        try:
            results.append(action())
        except peewee.PeeweeException as error:
            results.append(error)
        together.wait(60)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_connection_is_used_again(pooled: Database) -> None:
    with pooled.connected():
        first = backend(pooled)
    with pooled.connected():
        assert backend(pooled) == first


def test_inside_a_connection_there_is_no_other(pooled: Database) -> None:
    with pooled.connected():
        first = backend(pooled)
        with pooled.connected():
            assert backend(pooled) == first
        assert backend(pooled) == first
    assert pooled.is_closed()


def test_without_a_connection_nothing_is_opened_by_the_way(pooled: Database) -> None:
    with pytest.raises(peewee.InterfaceError):
        pooled.execute_sql("SELECT 1")
    assert pooled.is_closed()


def test_who_finds_no_connection_free_is_told_soon(pooled: Database) -> None:
    enough, ended = threading.Barrier(5), threading.Event()

    def hold() -> None:
        with pooled.connected():
            enough.wait(60)
            ended.wait(60)

    holders = [threading.Thread(target=hold) for _ in range(4)]
    for holder in holders:
        holder.start()
    enough.wait(60)
    start = time.monotonic()
    with pytest.raises(peewee.OperationalError, match="no database connection is free"):
        pooled.connect()
    assert time.monotonic() - start < 30
    ended.set()
    for holder in holders:
        holder.join()
    with pooled.connected():
        backend(pooled)


def test_a_connection_that_was_cut_while_idle_is_replaced(pooled: Database, empty_database: Database) -> None:
    with pooled.connected():
        first = backend(pooled)
    cut_all(empty_database)
    time.sleep(1.1)  # longer than the pool trusts a connection without asking
    with pooled.connected():
        assert backend(pooled) != first


def test_a_connection_that_was_idle_for_a_while_is_asked_and_used_again(
    pooled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_TRUSTED_SECONDS", 0)
    with pooled.connected():
        first = backend(pooled)
    with pooled.connected():
        assert backend(pooled) == first


def test_after_a_restart_no_connection_is_used_that_was_cut(pooled: Database, empty_database: Database) -> None:
    together = threading.Barrier(3)

    def use() -> int:
        with pooled.connected():
            return backend(pooled)

    def use_while_others_do() -> int:
        with pooled.connected():
            together.wait(60)
            return backend(pooled)

    assert len(set(in_threads(3, use_while_others_do))) == 3
    cut_all(empty_database)
    assert all(isinstance(result, int) for result in in_threads(3, use))


def test_an_unfinished_transaction_does_not_reach_the_next_user(pooled: Database) -> None:
    with pooled.connected():
        first = backend(pooled)
        pooled.begin()
        pooled.execute_sql("CREATE TABLE unfinished (id text)")
    with pooled.connected():
        assert backend(pooled) != first
        assert pooled.get_tables() == []


def test_a_statement_that_takes_too_long_ends_and_the_connection_goes_on(empty_database_url: str) -> None:
    database = connect(empty_database_url, statement_seconds=0.5)
    with database.connected():
        first = backend(database)
        with pytest.raises(peewee.OperationalError, match="statement timeout"):
            database.execute_sql("SELECT pg_sleep(60)")
        assert backend(database) == first
    database.close_all()


@pytest.fixture
def silent_server() -> Iterator[int]:
    """The port of a server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        yield listener.getsockname()[1]


def test_a_server_that_does_not_answer_is_given_up_by_all_at_the_same_time(silent_server: int, databases: object) -> None:
    database = connect(f"postgresql://postgres@127.0.0.1:{silent_server}/none", wait_seconds=2)
    start = time.monotonic()
    results = in_threads(4, database.connect)
    assert [type(result) for result in results] == [peewee.OperationalError] * 4
    assert time.monotonic() - start < 7, "they waited one after the other"


def test_a_connection_given_back_after_the_end_is_closed(pooled: Database, empty_database: Database) -> None:
    holding, ended = threading.Event(), threading.Event()

    def hold() -> None:
        with pooled.connected():
            backend(pooled)
            holding.set()
            ended.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(60)
    pooled.close_all()
    ended.set()
    thread.join()
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + 60
    while empty_database.execute_sql(others).fetchone()[0] and time.monotonic() < deadline:
        pass  # the server takes a moment to see it
    assert empty_database.execute_sql(others).fetchone()[0] == 0


def test_a_forked_child_leaves_its_parents_connections_alone(empty_database_url: str) -> None:
    program = """
import os, sys
from aasim_core.data.backends.connect import connect
database = connect(sys.argv[1])
with database.connected():
    pass
database.connect()
claims = database.for_claims()
claims.connect()
claimed = claims.execute_sql("SELECT pg_backend_pid()").fetchone()
with database.transaction():
    first = database.execute_sql("SELECT pg_backend_pid()").fetchone()
    child = os.fork()
    if not child:
        database.dispose()
        with database.connected(), database.transaction():
            assert database.execute_sql("SELECT pg_backend_pid()").fetchone() != first
        with claims.connected():
            assert claims.execute_sql("SELECT pg_backend_pid()").fetchone() != claimed
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert database.execute_sql("SELECT pg_backend_pid()").fetchone() == first
assert claims.execute_sql("SELECT pg_backend_pid()").fetchone() == claimed
database.close_all()
"""
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    subprocess.run([sys.executable, "-c", program, empty_database_url], check=True, env=environment, timeout=60)
