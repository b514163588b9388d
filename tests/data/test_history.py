"""The history on PostgreSQL: nobody changes or deletes events by accident, and pruning and erasing say that they do."""

from typing import Any

import peewee
import pytest

from aasim_core.data import history
from aasim_core.data.database import Database

CHANGE = "UPDATE core_event SET name = 'agents.deleted'"
ERASE = "UPDATE core_event SET actor_label = ''"
DELETE = "DELETE FROM core_event"


@pytest.fixture
def protected(empty_database: Database) -> Database:
    """A database with one event, and no entry of it."""
    columns = ("id", "name", "actor_label", "actor_ip", "subject_label", "changes", "data")
    empty_database.execute_sql(f"CREATE TABLE core_event ({', '.join(f'{name} TEXT' for name in columns)})")
    empty_database.execute_sql("INSERT INTO core_event (id, name, actor_label) VALUES ('evt_1', 'agents.created', 'Ada')")
    history.protect(empty_database)
    return empty_database


def is_refused(database: Database, statement: str, *allow: Any) -> bool:
    """Whether the statement is refused in a transaction that is allowed this."""
    try:
        with database.transaction():
            for each in allow:
                each(database)
            database.execute_sql(statement)
    except peewee.ProgrammingError as error:
        return "events are neither changed nor deleted" in str(error)
    return False


@pytest.mark.postgres
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("statement", "permissions"),
    [(CHANGE, ()), (ERASE, (history.allow_erasing,)), (DELETE, (history.allow_deletion,))],
    ids=["change", "erase", "delete"],
)
def test_only_what_a_transaction_is_allowed_is_done(protected: Database, statement: str, permissions: tuple[Any, ...]) -> None:
    others = [each for each in (history.allow_erasing, history.allow_deletion) if each not in permissions]
    assert is_refused(protected, statement, *others)
    assert is_refused(protected, statement, *permissions) is not bool(permissions)
    assert is_refused(protected, statement) is not (statement == DELETE), "a permission outlived its transaction"


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_on_sqlite_only_the_chain_reveals_a_change(protected: Database) -> None:
    assert [is_refused(protected, statement, history.allow_deletion) for statement in (CHANGE, ERASE, DELETE)] == [False] * 3
