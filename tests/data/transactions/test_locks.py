"""Locks by name, what other transactions are doing, and limits of time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import peewee
import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.database import Database
from aasim_core.data.faults import fault_of

from ...bench.processes import eventually

on_postgres = [pytest.mark.postgres, pytest.mark.parametrize("databases", ["postgresql"], indirect=True)]


@contextmanager
def another_transaction(url: str, lock: str | None = None) -> Iterator[None]:
    """A transaction of another connection that writes, and holds the lock."""
    other = connect(url)
    begun, end = threading.Event(), threading.Event()

    def hold() -> None:
        with other.connected(), other.transaction():
            other.execute_sql("CREATE TABLE thing (id INTEGER)")
            if lock:
                other.lock(lock)
            begun.set()
            end.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert begun.wait(60)
    try:
        yield
    finally:
        end.set()
        thread.join()
        other.close_all()


class TestPostgres:
    """There transactions of several connections go on at the same time."""

    pytestmark = on_postgres

    def test_a_lock_that_another_transaction_holds_is_not_waited_for(
        self, empty_database: Database, empty_database_url: str
    ) -> None:
        with another_transaction(empty_database_url, "one"), empty_database.transaction():
            assert [empty_database.try_lock(name) for name in ("one", "other")] == [False, True]

    def test_what_was_going_on_has_ended_when_the_last_of_it_has(self, empty_database: Database, empty_database_url: str) -> None:
        with another_transaction(empty_database_url):
            going_on = empty_database.going_on()
            assert not empty_database.have_ended(going_on)
        eventually(lambda: empty_database.have_ended(going_on), "the end of all transactions of the server, of other tests too")


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_on_sqlite_who_writes_is_the_only_one(empty_database: Database) -> None:
    with empty_database.transaction():
        assert empty_database.try_lock("one")
        assert empty_database.have_ended(empty_database.going_on())


def test_only_a_transaction_takes_locks(empty_database: Database) -> None:
    assert not empty_database.is_in_transaction
    with pytest.raises(RuntimeError):
        empty_database.try_lock("one")
    with empty_database.transaction():
        assert empty_database.is_in_transaction


@pytest.mark.parametrize(
    ("databases", "endless"),
    [
        ("sqlite", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"),
        pytest.param("postgresql", "SELECT pg_sleep(600)", marks=pytest.mark.postgres),
    ],
    indirect=["databases"],
)
def test_a_read_that_takes_longer_than_its_limit_ends_as_busy(empty_database: Database, endless: str) -> None:
    with pytest.raises(peewee.OperationalError) as caught, empty_database.limited(0.1):
        empty_database.execute_sql(endless).fetchall()
    assert fault_of(caught.value) == "busy"
    assert empty_database.execute_sql("SELECT 1").fetchone() == (1,)
