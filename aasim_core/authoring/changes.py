"""The changes that turn a plugin's tables into those of its records, in the two halves of an upgrade."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..data.migrator.phases import OFFLINE, POST, PRE
from ..errors import InvalidArgument
from ..plugins.declarations import table_of
from .tables import Column, Index, Table

#: Types of columns that are written alike for both databases, by what peewee calls them.
TYPES: Mapping[str, str] = {"TEXT": "TEXT", "BIGINT": "BIGINT", "INT": "INTEGER", "SMALLINT": "SMALLINT", "BOOL": "BOOLEAN"}
#: The same as SQLite has them, which says INTEGER of many.
_ALIKE = {"BIGINT": "INTEGER", "SMALLINT": "INTEGER", "BOOLEAN": "INTEGER"}
#: Conditions of indexes that both databases understand.
_PORTABLE = re.compile(r"\w+ IS (NOT )?NULL|\w+ = '[^']*'")


@dataclass(frozen=True)
class Change:
    """One change: its `phase`, a word for the name of the file, and the statements that do and undo it; a new table has a `record`."""

    phase: str
    word: str
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    record: Any = None


def changes(plugin: str, records: Mapping[str, Any], meant: Mapping[str, Table], made: Mapping[str, Table]) -> list[Change]:
    """What makes the tables that are `made` those that are `meant` by the plugin's `records`, by table.

    InvalidArgument where that cannot be told from the tables, with all of it and what to write.
    """
    found: list[Change] = []
    problems = [f"no record has the table {table} any more; {_BY_HAND}" for table in sorted(_left(plugin, records, made))]
    for table, record in records.items():
        if table in made:
            found += _of_table(record, meant[table], made[table], problems)
        else:
            found.append(_new_table(record, meant[table], problems))
    if problems:
        raise InvalidArgument(f"No migration of {plugin} is written: {'; '.join(problems)}.")
    return found


_BY_HAND = "write a migration that drops it, NNNN_what.post.py, and makes it again in its down"


def _left(plugin: str, records: Mapping[str, Any], made: Mapping[str, Table]) -> set[str]:
    return {table for table in made if table.startswith(f"{plugin}_") and table not in records}


def _new_table(record: Any, meant: Table, problems: list[str]) -> Change:
    table = table_of(record)
    problems += [f"the type of {table}.{field.column_name} is not known here; {_OWN}" for field in _unknown(record)]
    problems += _unportable(table, meant.indexes.values())
    made = tuple(index.sql.format(table=table) for index in meant.indexes.values())
    return Change(PRE, table.partition("_")[2] or table, made, (f"DROP TABLE {table}",), record)


_OWN = "write the migration yourself"


def _unknown(record: Any) -> list[Any]:
    return [field for field in record._meta.sorted_fields if field.column_name in record._meta.columns and not _type_of(field)]


def _type_of(field: Any) -> str | None:
    return TYPES.get({"AUTO": "INT", "BIGAUTO": "BIGINT"}.get(field.field_type, field.field_type))


def _of_table(record: Any, meant: Table, made: Table, problems: list[str]) -> Iterator[Change]:
    table = table_of(record)
    new = [meant.columns[name] for name in meant.columns if name not in made.columns]
    gone = [made.columns[name] for name in made.columns if name not in meant.columns]
    if new and gone:
        problems.append(_rename_or_not(table, new, gone))
        return
    problems += _altered(table, meant, made)
    for column in new:
        yield _added(record, table, column, problems)
    yield from _of_indexes(table, meant, made, {column.name for column in gone}, problems)
    for column in gone:
        yield _dropped(table, column, made)


def _rename_or_not(table: str, new: list[Column], gone: list[Column]) -> str:
    added, dropped = ", ".join(column.name for column in new), ", ".join(column.name for column in gone)
    return (
        f"{table} has no column {added} yet and still has {dropped}, and whether that is a new name for the same cannot be told. If so, "
        "write a migration that adds the new one and copies into it, and a NNNN_what.post.py that drops the old one; if not, take one of "
        "the two changes back, call this, and make it again"
    )


def _altered(table: str, meant: Table, made: Table) -> Iterator[str]:
    for name in meant.columns.keys() & made.columns.keys():
        one, other = made.columns[name], meant.columns[name]
        if _ALIKE.get(one.type, one.type) != _ALIKE.get(other.type, other.type):
            yield f"the column {name} of {table} is {one.type}, and is to be {other.type}; add a column of the new type, and copy into it"
        elif one.is_null != other.is_null:
            may = "may be null, and is not to be" if one.is_null else "is not null, and is to be"
            yield f"the column {name} of {table} {may}; the databases differ in how that is changed, so {_OWN}, NNNN_what.post.py"


def _added(record: Any, table: str, column: Column, problems: list[str]) -> Change:
    field = record._meta.columns[column.name]
    kind, default = _type_of(field), _default_of(field)
    if kind is None:
        problems.append(f"the type of {table}.{column.name} is not known here; {_OWN}")
    elif not column.is_null and default is None:
        problems.append(
            f"the column {column.name} of {table} is not null and has no constant default, which rows that are there need; give it "
            "null=True or a default"
        )
    stated = "" if column.is_null else f" NOT NULL DEFAULT {default}"
    add, drop = f"ALTER TABLE {table} ADD COLUMN {column.name} {kind}{stated}", f"ALTER TABLE {table} DROP COLUMN {column.name}"
    return Change(PRE, column.name, (add,), (drop,))


def _default_of(field: Any) -> str | None:
    """The default as SQL, or None where it is none or computed for each row."""
    value = field.default() if field.default in (dict, list, str, int, bool) else field.default
    if value is None or callable(value):
        return None
    written = field.db_value(value)
    if isinstance(written, bool):
        return "TRUE" if written else "FALSE"
    return "'{}'".format(written.replace("'", "''")) if isinstance(written, str) else str(written)


def _of_indexes(table: str, meant: Table, made: Table, gone: set[str], problems: list[str]) -> Iterator[Change]:
    """An index that is unique over columns that are there would break older code; one over a dropped column goes with that."""
    new = [index for on, index in meant.indexes.items() if not _is_same(made.indexes.get(on), index)]
    old = [index for on, index in made.indexes.items() if not _is_same(meant.indexes.get(on), index)]
    problems += _unportable(table, new)
    for index in old:
        if not gone & _words(index):
            yield Change(POST, f"no_{index.name}", (f"DROP INDEX {index.name}",), (index.sql.format(table=table),))
    for index in new:
        phase = POST if index.is_unique or index.on in made.indexes else PRE
        yield Change(phase, index.name, (index.sql.format(table=table),), (f"DROP INDEX {index.name}",))


def _is_same(one: Index | None, other: Index) -> bool:
    return one is not None and one.is_unique == other.is_unique


def _words(index: Index) -> set[str]:
    return set(re.findall(r"\w+", index.on))


def _unportable(table: str, indexes: Any) -> Iterator[str]:
    for index in indexes:
        _, where, condition = index.on.partition(" WHERE ")
        if where and not _PORTABLE.fullmatch(condition.strip("()")):
            yield f"the index {index.name} of {table} has a condition that both databases may write otherwise ({condition}); {_OWN}"


def _dropped(table: str, column: Column, made: Table) -> Change:
    """Old code continues to write rows until the second half; a column that new code cannot leave out is dropped while nothing runs."""
    phase = POST if column.is_null or column.has_default else OFFLINE
    over = [index for index in made.indexes.values() if column.name in _words(index)]
    up = [f"DROP INDEX {index.name}" for index in over]
    down = [index.sql.format(table=table) for index in over]
    return Change(
        phase,
        f"no_{column.name}",
        (*up, f"ALTER TABLE {table} DROP COLUMN {column.name}"),
        (f"ALTER TABLE {table} ADD COLUMN {column.name} {column.type}", *down),
    )
