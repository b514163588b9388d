"""Descriptions of tables: as the migrations of an installation create them, and as the records of a plugin declare them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import peewee

from ..data.migrator.runner import Source, database_made_by, in_memory


@dataclass(frozen=True)
class Index:
    """An index: `on` is its list of columns with the condition, if it has one, as in ``(organization_id, name)``."""

    name: str
    on: str
    is_unique: bool

    @property
    def sql(self) -> str:
        """The statement that makes it, but for the table: ``CREATE UNIQUE INDEX notes_name ON {table} (name)``."""
        return f"CREATE {'UNIQUE ' * self.is_unique}INDEX {self.name} ON {{table}} {self.on}"


@dataclass(frozen=True)
class Column:
    """A column: its type as SQLite has it, and whether it may be null and has a default in the database."""

    name: str
    type: str
    is_null: bool
    has_default: bool


@dataclass(frozen=True)
class Table:
    """A table: its columns by name, and its indexes by what they are on."""

    columns: Mapping[str, Column]
    indexes: Mapping[str, Index]


def made_by(sources: Iterable[Source]) -> Mapping[str, Table]:
    """The tables that migrations make of an empty database; StartupError where one fails."""
    with database_made_by(sources) as database:
        return _tables(database)


def meant_by(records: Iterable[type[peewee.Model]]) -> Mapping[str, Table]:
    """The tables that the records mean."""
    with in_memory() as database:
        database.create_tables([_bound_copy(record, database) for record in records])
        return _tables(database)


def _bound_copy(record: Any, database: Any) -> Any:
    """The record for another database; the record itself stays with its app's."""
    meta = type("Meta", (), {"database": database, "table_name": record._meta.table_name, "indexes": record._meta.indexes})
    return type(record.__name__, (record,), {"Meta": meta, "__module__": record.__module__})


def _tables(database: Any) -> Mapping[str, Table]:
    return {table: Table(_columns(database, table), _indexes(database, table)) for table in database.get_tables()}


def _columns(database: Any, table: str) -> Mapping[str, Column]:
    found = database.get_columns(table)
    return {one.name: Column(one.name, one.data_type.upper(), one.null, one.default is not None) for one in found}


def _indexes(database: Any, table: str) -> Mapping[str, Index]:
    """Without those that the database makes by itself for keys, which have no definition."""
    found = [Index(one.name, _place_of(one.sql), bool(one.unique)) for one in database.get_indexes(table) if one.sql]
    return {index.on: index for index in found}


def _place_of(definition: str) -> str:
    place = re.search(r"\(.*", " ".join(definition.split()))
    return place[0].replace('"', "") if place else ""
