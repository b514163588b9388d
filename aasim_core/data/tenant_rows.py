"""Erase all rows of an organization, including those in tables of disabled plugins."""

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
    """Delete the organization's rows from every table but those named, in transactions short enough not to block others.

    Needs a system scope. Returns False when it had to stop early; the next call continues.
    """
    for name in tenant_tables(database):
        if name not in but:
            while _erase_some(database, name, organization_id):
                if should_stop():
                    return False
    return True


def tenant_tables(database: Database) -> list[str]:
    """Return every table with rows of organizations, whether or not its plugin is enabled."""
    return [name for name in database.get_tables() if any(column.name == TENANT_COLUMN for column in database.get_columns(name))]


def _erase_some(database: Database, name: str, organization_id: str) -> bool:
    """Delete some rows of one table with a primary key; returns whether more may be left."""
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
