"""The tables as the migration makes them are those that the records describe."""

from typing import Any

import pytest

from aasim_core.context import system_scope
from aasim_core.data.backends.connect import bind, connect
from aasim_core.data.migrator.runner import migrate, purge
from aasim_core.jobs.records import RECORDS


def shape_of(database: Any) -> dict[str, Any]:
    """Columns and indexes of the tables."""
    with system_scope("test"):
        return {
            model._meta.table_name: (
                [(column.name, column.null, column.primary_key) for column in database.get_columns(model._meta.table_name)],
                sorted((index.name, index.unique) for index in database.get_indexes(model._meta.table_name)),
            )
            for model in RECORDS
        }


def test_the_migration_makes_what_the_records_describe(empty_database_url: str, migration_sources: Any, databases: Any) -> None:
    migrated = connect(empty_database_url)
    migrate(migrated, migration_sources)
    with migrated.connected():
        made = shape_of(migrated)
    migrated.close_all()
    other = databases.create()
    described = connect(other)
    bind(described, RECORDS)
    with described.connected(), system_scope("test"):
        described.create_tables(RECORDS)
        assert shape_of(described) == made
    described.close_all()
    databases.drop(other)


@pytest.mark.long
def test_the_migration_goes_down(empty_database_url: str, migration_sources: Any) -> None:
    database = connect(empty_database_url)
    migrate(database, migration_sources)
    for source in reversed(migration_sources):
        purge(database, source)
    with database.connected(), system_scope("test"):
        assert "core_job" not in database.get_tables()
    database.close_all()
