"""What is said of a change whose connection is lost, by where it was lost; and how a server that takes no writes is left."""

from collections.abc import Iterator

import peewee
import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.database import Database
from aasim_core.data.faults import Unconfirmed, fault_of
from aasim_core.data.statements import Statement
from aasim_core.http.storage_errors import storage_refusal

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("databases", ["postgresql"], indirect=True)]

CUT = "SELECT pg_terminate_backend(pg_backend_pid())"
#: A row of the table `deadly` ends the connection in the middle of the COMMIT.
DEADLY = """
CREATE TABLE deadly (id int);
CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON deadly DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut();
"""


@pytest.fixture
def database(empty_database_url: str) -> Iterator[Database]:
    """A database whose table `deadly` cuts the connection that commits a row of it."""
    database = connect(empty_database_url)
    with database.connected():
        database.execute_sql(DEADLY)
        database.execute_sql("CREATE TABLE thing (id int)")
    yield database
    database.close_all()


def error_of(database: Database, *statements: str) -> BaseException:
    """What the statements of one transaction raise."""

    def run() -> None:
        with database.transaction():
            for statement in statements:
                database.execute_sql(statement)

    with database.connected(), pytest.raises(peewee.PeeweeException) as raised:
        run()
    return raised.value


def test_a_connection_that_is_lost_during_the_commit_leaves_the_change_unconfirmed(database: Database) -> None:
    error = error_of(database, "INSERT INTO deadly VALUES (1)")
    assert isinstance(error, Unconfirmed)
    refused = storage_refusal(error)
    assert refused is not None
    assert (refused.code, "nothing was changed" in refused.message) == ("storage_unavailable", False)


def test_a_statement_by_itself_is_a_commit_too(database: Database) -> None:
    with database.connected(), pytest.raises(Unconfirmed):
        database.execute_sql("INSERT INTO deadly VALUES (1)")


def test_a_compiled_statement_that_loses_the_connection_says_so(database: Database) -> None:
    with database.connected(), pytest.raises(Unconfirmed) as raised:
        database.run_alone(Statement(CUT, (), crosses=False, gives_rows=True), ())
    assert raised.value.__cause__ is not None
    assert fault_of(raised.value.__cause__) == "broken"


def test_a_connection_that_is_lost_before_the_commit_has_changed_nothing(database: Database) -> None:
    assert fault_of(error_of(database, "INSERT INTO thing VALUES (1)", CUT)) == "broken"


def test_a_commit_that_the_server_refuses_is_no_doubt(database: Database) -> None:
    with database.connected():
        database.execute_sql("CREATE TABLE named (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    error = error_of(database, "INSERT INTO named VALUES (1), (1)")
    assert isinstance(error, peewee.IntegrityError)


def test_a_server_that_takes_no_writes_is_unavailable_and_its_connections_are_not_used_again(database: Database) -> None:
    with database.connected():
        database.execute_sql("SET default_transaction_read_only = on")
    assert fault_of(error_of(database, "INSERT INTO thing VALUES (1)")) == "broken"
    with database.connected(), database.transaction():
        database.execute_sql("INSERT INTO thing VALUES (1)")
