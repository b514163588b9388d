"""Descriptions of tables, to compare those of migrations with those of records."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import peewee

from ..context import system_scope
from ..data.backends.connect import connect
from ..data.backends.sqlite.database import SqliteDatabase
from ..data.database import Database
from ..data.migrator.phases import BEFORE_START
from ..data.migrator.runner import Source, migrate, narrowed, purge
from .databases import Databases

#: Columns and indexes of each table, by the table's name.
Shapes = dict[str, dict[str, str]]
#: The definition of an index that only PostgreSQL has; records mean the same on both databases, and so cannot declare it.
_OF_POSTGRESQL_ONLY = re.compile(r" USING (?!btree)\w+ ")


@dataclass(frozen=True)
class History:
    """All tables before an owner's migrations, and after they went down; its own as migrated, as the records mean them, and again.

    `midway` are its own after the first half of the migrations.
    """

    before: Shapes
    migrated: Shapes
    left: Shapes
    meant: Shapes
    midway: Shapes
    again: Shapes


def history_of(databases: Databases, sources: Sequence[Source], owner: str, records: Sequence[type[peewee.Model]]) -> History:
    """Migrate a database of its own up, down and up again, with the owner's records' own tables in between."""
    url = databases.create()
    database = connect(url, durability="normal")
    try:
        return _history_in(database, sources, owner, records)
    finally:
        database.close_all()
        databases.drop(url)


def _history_in(database: Database, sources: Sequence[Source], owner: str, records: Sequence[type[peewee.Model]]) -> History:
    migrate(database, [source for source in sources if source.owner != owner])
    before = shapes(database)
    migrate(database, sources)
    migrated = shapes(database)
    purge(database, next(source for source in sources if source.owner == owner))
    left = shapes(database)
    meant = _made(database, records)
    migrate(database, narrowed(sources, BEFORE_START))
    midway = shapes(database)
    migrate(database, sources)
    again = shapes(database)
    return History(before, _beyond(migrated, before), left, _beyond(meant, left), _beyond(midway, before), _beyond(again, before))


def shapes(database: Database) -> Shapes:
    """All tables of the database."""
    with database.connected(), system_scope("look at tables in a test"):
        return {table: _shape(database, table) for table in database.get_tables()}


def differences(some: Shapes, others: Shapes, where: str, elsewhere: str) -> list[str]:
    """How the tables differ, a sentence each: ``the column name of notes_note is text by the migrations, and absent by …``."""
    found = []
    for table in sorted(some.keys() | others.keys()):
        one, other = some.get(table, {}), others.get(table, {})
        for part in sorted(one.keys() | other.keys()):
            here, there = one.get(part, "absent"), other.get(part, "absent")
            if here != there:
                found.append(f"{part} of {table} is {here} {where}, and {there} {elsewhere}")
    return found


def _made(database: Database, records: Sequence[type[peewee.Model]]) -> Shapes:
    """All tables, with those that peewee makes of the records, which are removed again."""
    copies = [_bound_copy(record, database) for record in records]
    with database.connected(), system_scope("make tables of records in a test"):
        database.create_tables(copies, safe=False)
        made = shapes(database)
        database.drop_tables(copies)
    return made


def _bound_copy(record: type[peewee.Model], database: Database) -> Any:
    """The record for another database; the record itself stays with its app's."""
    meta = type("Meta", (), {"database": database, "table_name": record._meta.table_name, "indexes": record._meta.indexes})
    return type(record.__name__, (record,), {"Meta": meta, "__module__": record.__module__})


def _beyond(some: Shapes, before: Iterable[str]) -> Shapes:
    return {table: shape for table, shape in some.items() if table not in before}


def _shape(database: Database, table: str) -> dict[str, str]:
    columns = {f"the column {column.name}": _described(database, column) for column in database.get_columns(table)}
    compared = [index for index in database.get_indexes(table) if not _OF_POSTGRESQL_ONLY.search(index.sql or "")]
    indexes = {f"the index on {_indexed(index)}": "unique" if index.unique else "there" for index in compared}
    return {"the table": "there", **columns, **indexes}


#: SQLite keeps the name that was written, and means the same; peewee writes INTEGER for all of them there.
_SAME = {"bigint": "integer", "smallint": "integer", "boolean": "integer"}


def _described(database: Database, column: Any) -> str:
    written = column.data_type.lower()
    kind = _SAME.get(written, written) if isinstance(database, SqliteDatabase) else written
    return f"{kind}{' or null' if column.null else ''}{', the key' if column.primary_key else ''}"


def _indexed(index: Any) -> str:
    """What is indexed: the definition from its list of columns on, or the columns of an index that has none."""
    definition = re.search(r"\(.*", " ".join((index.sql or "").split()))
    return definition[0].replace('"', "") if definition else f"({', '.join(index.columns)})"
