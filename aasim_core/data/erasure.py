"""Erasing all rows of an organization, from the tables of plugins that are off as well."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import peewee

from . import history
from .database import Database
from .scope import TENANT_COLUMN

_ROWS_AT_ONCE = 500


def erase_rows(
    database: Database, organization_id: str, *, but: Collection[str], should_stop: Callable[[], bool] = lambda: False
) -> bool:
    """Delete the organization's rows from every table but those named, in transactions so small that nobody waits for them.

    Needs a system scope. False when it had to stop before the end; called again, it goes on.
    """
    for name in tenant_tables(database):
        if name not in but:
            while _erase_some(database, name, organization_id):
                if should_stop():
                    return False
    return True


def tenant_tables(database: Database) -> list[str]:
    """Every table that has rows of organizations, whether or not what made it is on."""
    return [name for name in database.get_tables() if any(column.name == TENANT_COLUMN for column in database.get_columns(name))]


def _erase_some(database: Database, name: str, organization_id: str) -> bool:
    """Delete some rows of one table, which has a primary key; whether there may be more."""
    keys = database.get_primary_keys(name)
    table: Any = peewee.Table(name, (TENANT_COLUMN, *keys)).bind(database)  # type: ignore[arg-type]  # it is one of peewee's, too
    inner: Any = table.alias("some_of_it")
    some = inner.select(*_columns(inner, keys)).where(getattr(inner, TENANT_COLUMN) == organization_id).limit(_ROWS_AT_ONCE)
    query = table.delete().where(getattr(table, TENANT_COLUMN) == organization_id, peewee.Tuple(*_columns(table, keys)).in_(some))
    with database.transaction():
        history.allow_deletion(database)
        return int(query.execute()) == _ROWS_AT_ONCE


def _columns(table: Any, names: Sequence[str]) -> list[Any]:
    return [getattr(table, name) for name in names]
