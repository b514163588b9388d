"""The connection over which a worker claims jobs: on PostgreSQL one of its own that keeps its plans, on SQLite the database's."""

import peewee
import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.database import Database


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_on_sqlite_jobs_are_claimed_over_the_same_database(empty_database: Database) -> None:
    assert empty_database.for_claims() is empty_database


@pytest.mark.postgres
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
class TestPostgres:
    """There planning a claim takes longer than running it."""

    def test_claims_have_a_connection_with_plans_of_their_own(self, empty_database_url: str) -> None:
        database = connect(empty_database_url)
        claims = database.for_claims()
        assert database.for_claims() is claims
        with database.connected(), claims.connected():
            shown = [each.execute_sql("SHOW enable_seqscan").fetchone()[0] for each in (database, claims)]
        assert shown == ["on", "off"]
        database.close_all()

    def test_it_is_closed_with_the_others(self, empty_database_url: str) -> None:
        database = connect(empty_database_url)
        claims = database.for_claims()
        claims.connect()
        connection = claims.connection()
        database.close_all()
        assert connection.closed
        with pytest.raises(peewee.InterfaceError):
            claims.execute_sql("SELECT 1")
