"""Statements that are prepared on the server, and those that depend on their values so much that they are planned each time."""

from collections.abc import Iterator

import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.database import Database
from aasim_core.data.statements import Statement

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("databases", ["postgresql"], indirect=True)]

_SQL = "SELECT %s + 1"


@pytest.fixture
def database(empty_database_url: str) -> Iterator[Database]:
    """An empty database over one connection."""
    database = connect(empty_database_url)
    with database.connected():
        yield database
    database.close_all()


def used(database: Database, times: int, *, plans_each_time: bool) -> list[str]:
    """Run a statement so often; returns what the connection has prepared then."""
    statement = Statement(_SQL, (), crosses=False, gives_rows=True, only_reads=True, plans_each_time=plans_each_time)
    for number in range(times):
        assert database.run_compiled(statement, [number]).fetchall() == [(number + 1,)]
    return [sql for (sql,) in database.execute_sql("SELECT statement FROM pg_prepared_statements").fetchall()]


@pytest.mark.parametrize(("times", "expected"), [(1, []), (2, ["SELECT $1 + 1"]), (9, ["SELECT $1 + 1"])])
def test_what_is_used_again_is_prepared(database: Database, times: int, expected: list[str]) -> None:
    assert used(database, times, plans_each_time=False) == expected


def test_what_is_planned_each_time_is_never_prepared(database: Database) -> None:
    assert used(database, 9, plans_each_time=True) == []
