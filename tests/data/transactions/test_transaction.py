"""A unit of work is written whole or not at all, and whoever made it is told which."""

from contextlib import suppress
from typing import Any

import peewee
import pytest

from aasim_core.context import organization_scope
from aasim_core.data.backends.connect import connect
from aasim_core.data.database import Database
from aasim_core.data.transactions import Transaction

from ..scope.landscape import OURS, Country, Item, Landscape


def add(code: str) -> None:
    """Write a row of the shared table."""
    Country.insert(code=code, name=code).execute()


def codes(url: str) -> set[str]:
    """The committed rows, seen through another connection."""
    other = connect(url)
    with other.connected():
        found = {code for (code,) in other.execute_sql("SELECT code FROM attack_country").fetchall()}
    other.close_all()
    return found - {"DE", "FR"}


def test_all_of_it_commits(land: Landscape, database_url: str) -> None:
    with land.database.transaction():
        add("A")
        add("B")
        assert codes(database_url) == set()
    assert codes(database_url) == {"A", "B"}


def test_an_error_undoes_all_of_it(land: Landscape, database_url: str) -> None:
    with suppress(LookupError), land.database.transaction():
        add("A")
        raise LookupError
    assert codes(database_url) == set()


def test_an_inner_transaction_joins_the_outer_one(land: Landscape, database_url: str) -> None:
    with land.database.transaction() as outer:
        add("A")
        with land.database.transaction() as inner:
            add("B")
        assert inner is outer is land.database.current_transaction()
        assert codes(database_url) == set()
    assert codes(database_url) == {"A", "B"}


def test_an_inner_transaction_is_undone_with_the_outer_one(land: Landscape, database_url: str) -> None:
    with suppress(LookupError), land.database.transaction():
        with land.database.transaction():
            add("A")
        raise LookupError
    assert codes(database_url) == set()


def test_a_swallowed_failure_of_a_part_refuses_the_whole(land: Landscape, database_url: str) -> None:
    def outer() -> None:
        with land.database.transaction():
            add("A")
            with suppress(LookupError), land.database.transaction():
                add("B")
                raise LookupError

    with pytest.raises(RuntimeError, match="swallowed"):
        outer()
    assert codes(database_url) == set()


def test_a_swallowed_error_of_the_database_refuses_the_whole(land: Landscape, database_url: str) -> None:
    def outer() -> None:
        with land.database.transaction():
            add("A")
            with suppress(peewee.IntegrityError):
                add("DE")

    with pytest.raises(RuntimeError, match="swallowed"):
        outer()
    assert codes(database_url) == set()


def test_an_error_of_the_database_outside_a_transaction_hurts_nobody(land: Landscape, database_url: str) -> None:
    with pytest.raises(peewee.IntegrityError):
        add("DE")
    with land.database.transaction():
        add("A")
    assert codes(database_url) == {"A"}


def test_peewees_own_atomic_blocks_join(land: Landscape, database_url: str) -> None:
    with suppress(LookupError), land.database.transaction():
        Country.get_or_create(code="A", defaults={"name": "A"})
        with land.database.atomic():
            add("B")
        raise LookupError
    assert codes(database_url) == set()


def test_outside_there_is_no_current_transaction(land: Landscape) -> None:
    with pytest.raises(RuntimeError, match="needs a transaction"):
        land.database.current_transaction()


def test_what_is_done_before_the_commit_commits_with_it(land: Landscape, database_url: str) -> None:
    land.database.before_commit = lambda transaction: add("".join(transaction.events))
    with land.database.transaction() as transaction:
        transaction.events.append("A")
    assert codes(database_url) == {"A"}


def test_an_error_before_the_commit_undoes_everything(land: Landscape, database_url: str) -> None:
    def refuse(transaction: Transaction) -> None:
        raise LookupError("no")

    land.database.before_commit = refuse
    with pytest.raises(LookupError), land.database.transaction():
        add("A")
    assert codes(database_url) == set()


def test_what_is_done_after_the_commit_sees_it_committed(land: Landscape, database_url: str) -> None:
    seen: list[Any] = []
    with land.database.transaction() as transaction:
        transaction.after_commit.append(lambda: seen.append(codes(database_url)))
        add("A")
        assert seen == []
    assert seen == [{"A"}]


def test_nothing_is_done_after_a_commit_that_did_not_happen(land: Landscape) -> None:
    seen: list[str] = []
    with suppress(LookupError), land.database.transaction() as transaction:
        transaction.after_commit.append(lambda: seen.append("done"))
        raise LookupError
    assert seen == []


def test_an_error_after_the_commit_is_not_the_callers(land: Landscape, database_url: str) -> None:
    seen: list[str] = []

    def fail() -> None:
        raise LookupError("the notifier is broken")

    with land.database.transaction() as transaction:
        transaction.after_commit += [fail, lambda: seen.append("done")]
        add("A")
    assert (codes(database_url), seen) == ({"A"}, ["done"])


def test_a_commit_that_fails_is_an_error_and_leaves_nothing(land: Landscape, database_url: str) -> None:
    database = land.database
    database.execute_sql("CREATE TABLE late (code TEXT REFERENCES attack_country (code) DEFERRABLE INITIALLY DEFERRED)")
    seen: list[str] = []

    def write() -> None:
        with database.transaction() as transaction:
            transaction.after_commit.append(lambda: seen.append("done"))
            add("A")
            database.execute_sql("INSERT INTO late VALUES ('nowhere')")

    with pytest.raises(peewee.IntegrityError):
        write()
    assert (codes(database_url), seen) == (set(), [])
    with database.transaction():
        add("B")
    assert codes(database_url) == {"B"}


def test_a_scope_that_is_left_before_the_commit_does_not_matter(land: Landscape) -> None:
    with land.database.transaction(), organization_scope(OURS):
        Item.update(name="x").execute()
    with organization_scope(OURS):
        assert Item.select().where(Item.name == "x").count() == 3


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_rows_that_nobody_read_end_in_an_error_not_in_silence(land: Landscape, database_url: str) -> None:
    """SQLite cannot commit while rows of a RETURNING are unread."""

    def write() -> None:
        with land.database.transaction():
            unread = land.database.execute_sql("INSERT INTO attack_country VALUES ('A', 'A') RETURNING code")
            assert unread is not None

    with pytest.raises(peewee.OperationalError, match="in progress"):
        write()
    assert codes(database_url) == set()


@pytest.mark.postgres
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_a_lost_connection_loses_one_transaction_and_no_more(land: Landscape, database_url: str) -> None:
    database: Database = land.database

    def lose() -> None:
        with database.transaction():
            add("A")
            database.execute_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(peewee.OperationalError):
        lose()
    with database.connected(), database.transaction():
        add("B")
    assert codes(database_url) == {"B"}
