"""A server that is away for a moment: connections that it cut are replaced, and a thread with patience does its work again."""

from collections.abc import Iterator

import peewee
import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.database import Database
from aasim_core.data.faults import Unconfirmed
from aasim_core.data.persistence import patient, persist
from aasim_core.data.statements import Statement

from ..backends.test_postgres_faults import DEADLY

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("databases", ["postgresql"], indirect=True)]


@pytest.fixture
def held(empty_database_url: str) -> Iterator[Database]:
    """A database with the tables `thing` and `deadly`, whose connection this thread holds."""
    database = connect(empty_database_url)
    with database.connected():
        database.execute_sql(DEADLY)
        database.execute_sql("CREATE TABLE thing (id int)")
        yield database
    database.close_all()


def insert(database: Database, table: str) -> None:
    database.execute(peewee.Table(table, ["id"]).insert({"id": 1}))


def cut(database: Database, other: Database) -> None:
    """Let the server close the connection that this thread holds."""
    number = database.execute_sql("SELECT pg_backend_pid()").fetchone()[0]
    other.execute_sql("SELECT pg_terminate_backend(%s, 5000)", (number,))


def add(database: Database, table: str = "thing") -> None:
    """Add a row in a transaction."""
    with database.transaction():
        insert(database, table)


def count(database: Database, table: str = "thing") -> int:
    return int(peewee.Table(table, ["id"]).bind(database).select().count())


def test_what_is_read_after_the_connection_was_cut_is_read_over_another(held: Database, empty_database: Database) -> None:
    cut(held, empty_database)
    assert count(held) == 0


def test_a_compiled_statement_that_only_reads_is_run_over_another_connection_too(
    held: Database, empty_database: Database
) -> None:
    cut(held, empty_database)
    counting = Statement("SELECT count(*) FROM thing", (), crosses=False, gives_rows=True, only_reads=True)
    assert held.run_compiled(counting, ()).fetchone() == (0,)


def test_a_transaction_that_begins_after_the_connection_was_cut_begins_over_another(
    held: Database, empty_database: Database
) -> None:
    cut(held, empty_database)
    add(held)
    assert count(held) == 1


@pytest.mark.parametrize("by_the_server", [True, False])
def test_writes_that_were_deferred_to_the_end_are_sent_over_another_connection_where_theirs_is_lost(
    held: Database, empty_database: Database, by_the_server: bool
) -> None:
    if by_the_server:
        cut(held, empty_database)
    else:
        held.connection().close()
    with held.transaction():
        held.run_later(Statement("INSERT INTO thing VALUES (1)", (), crosses=False, gives_rows=False), ())
    assert count(held) == 1


def test_a_transaction_that_is_cut_fails_and_the_next_one_in_the_same_block_does_not(
    held: Database, empty_database: Database
) -> None:
    def interrupted() -> None:
        with held.transaction():
            held.execute_sql("INSERT INTO thing VALUES (1)")
            cut(held, empty_database)
            held.execute_sql("INSERT INTO thing VALUES (2)")

    with pytest.raises(peewee.OperationalError):
        interrupted()
    add(held)
    assert count(held) == 1


class Interrupted:
    """A unit of work that is cut the first time; `values` is what it keeps in memory."""

    def __init__(self, held: Database, other: Database) -> None:
        self._held, self._other = held, other
        self.times, self.values = 0, list[int]()

    def __call__(self) -> str:
        self.times += 1
        with self._held.transaction():
            self._held.execute_sql("INSERT INTO thing VALUES (1)")
            self.values.append(1)
            self._held.on_rollback(self.values.pop)
            if self.times == 1:
                cut(self._held, self._other)
            self._held.execute_sql("INSERT INTO thing VALUES (2)")
        return "done"


def test_a_patient_thread_does_its_work_again(held: Database, empty_database: Database) -> None:
    work = Interrupted(held, empty_database)
    with patient(10):
        assert persist(work) == "done"
    assert (work.times, work.values, count(held)) == (2, [1], 2)


def test_a_thread_without_patience_does_not(held: Database, empty_database: Database) -> None:
    work = Interrupted(held, empty_database)
    with pytest.raises(peewee.OperationalError):
        persist(work)
    assert (work.times, work.values) == (1, [])


def test_patience_ends_when_nothing_is_worth_it_any_longer(held: Database, empty_database: Database) -> None:
    with patient(10, lambda: False), pytest.raises(peewee.OperationalError):
        persist(Interrupted(held, empty_database))


def test_a_mistake_is_not_made_again(held: Database) -> None:
    times = []

    def mistake() -> None:
        times.append(1)
        held.execute_sql("SELECT 1 FROM nowhere")

    with patient(10), pytest.raises(peewee.ProgrammingError):
        persist(mistake)
    assert times == [1]


@pytest.mark.parametrize(("is_committed", "times"), [(True, 1), (False, 2)])
def test_a_commit_in_doubt_is_repeated_only_if_it_was_not_made(held: Database, *, is_committed: bool, times: int) -> None:
    tables, told = ["thing", "deadly"], []

    def work() -> None:
        table = tables.pop()
        with held.transaction() as transaction:
            transaction.after_commit.append(lambda: told.append(table))
            held.on_rollback(lambda: told.append("undone"))
            insert(held, table)

    with patient(10):
        persist(work, lambda: is_committed)
    assert told == (["deadly"] if is_committed else ["undone", "thing"])
    assert 2 - len(tables) == times


def test_a_commit_in_doubt_of_which_nobody_can_tell_is_not_repeated(held: Database) -> None:
    with patient(10), pytest.raises(Unconfirmed):
        persist(lambda: add(held, "deadly"))
