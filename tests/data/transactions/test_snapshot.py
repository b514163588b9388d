"""A snapshot: everything that is read in it is the state of one moment."""

from collections.abc import Iterator

import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.database import Database

from ..scope.landscape import Country, Landscape
from .test_transaction import add, codes


@pytest.fixture
def other(database_url: str) -> Iterator[Database]:
    """Another connection, as another process has it."""
    other = connect(database_url)
    with other.connected():
        yield other
    other.close_all()


def add_elsewhere(other: Database, code: str) -> None:
    """Commit a row of the shared table over the other connection."""
    other.execute_sql(f"INSERT INTO attack_country (code, name) VALUES ('{code}', '{code}')")  # noqa: S608 - of the test's own


def seen() -> set[str]:
    """The codes of the shared table."""
    return {code for (code,) in Country.select(Country.code).tuples()} - {"DE", "FR"}


def test_what_others_commit_meanwhile_is_not_seen_until_it_ends(land: Landscape, other: Database) -> None:
    with land.database.snapshot():
        assert seen() == set()
        add_elsewhere(other, "A")
        with land.database.snapshot():
            assert seen() == set()
    assert seen() == {"A"}


def test_nothing_is_written_in_it(land: Landscape, database_url: str) -> None:
    with pytest.raises(RuntimeError, match="nothing is written in a snapshot"), land.database.snapshot():
        add("A")
    with (
        pytest.raises(RuntimeError, match="nothing is written in a snapshot"),
        land.database.snapshot(),
        land.database.transaction(),
    ):
        add("A")
    add("B")
    assert codes(database_url) == {"B"}


def test_it_is_not_taken_within_a_transaction_which_may_see_more_with_each_statement(land: Landscape) -> None:
    with (
        pytest.raises(RuntimeError, match="take it before the transaction"),
        land.database.transaction(),
        land.database.snapshot(),
    ):
        pass
