"""Helpers for migrations: rename columns and members of JSON columns, compute columns in Python, and replace a boolean by a status."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
import peewee

_BATCH = 500
#: ``(table, old, new)``
Renamed = Iterable[tuple[str, str, str]]


def rename_columns(db: Any, renamed: Renamed) -> None:
    """Rename each column ``(table, old, new)``; indexes follow automatically."""
    for table, old, new in renamed:
        db.execute_sql(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")


def restore_columns(db: Any, renamed: Renamed) -> None:
    """Undo `rename_columns`."""
    rename_columns(db, [(table, new, old) for table, old, new in renamed])


def rewrite(db: Any, table: str, columns: Sequence[str], change: Callable[..., Mapping[str, Any]]) -> None:
    """Call `change` with the `columns` of each row of every organization, and write the columns that it returns, if any.

    It goes by id, in batches with a transaction each. In a migration with ``atomic = False`` each batch commits, and others can write in
    between; after a failure such a migration starts from the beginning, so its `change` returns nothing for rows that are done.
    """
    rows: Any = peewee.Table(table).bind(db)
    read, after = [rows.c[name] for name in ("id", *columns)], ""
    while batch := list(rows.select(*read).where(rows.c.id > after).order_by(rows.c.id).limit(_BATCH).tuples()):
        with db.atomic():
            for row_id, *values in batch:
                if changed := change(*values):
                    rows.update({rows.c[name]: value for name, value in changed.items()}).where(rows.c.id == row_id).execute()
        after = batch[-1][0]


def rewrite_json(db: Any, table: str, column: str, change: Callable[[Any], Any]) -> None:
    """Apply `change` to the value of the JSON column in each row where that makes a difference, in batches by id."""

    def changed(text: str | None) -> Mapping[str, Any]:
        before = None if text is None else orjson.loads(text)
        value = before if text is None else change(before)
        return {} if value == before else {column: orjson.dumps(value).decode()}

    rewrite(db, table, [column], changed)


def with_names(value: Any, names: Mapping[str, str]) -> Any:
    """Return the JSON object, or the list of objects, with its members renamed; nested values are unchanged."""
    if isinstance(value, list):
        return [with_names(each, names) for each in value]
    return {names.get(name, name): member for name, member in value.items()} if isinstance(value, dict) else value


def inverted(names: Mapping[str, str]) -> dict[str, str]:
    """Return the reverse mapping."""
    return {new: old for old, new in names.items()}


def status_for(db: Any, table: str, column: str) -> None:
    """Replace the table's boolean column by a ``status``, ``active`` or ``disabled``."""
    db.execute_sql(f"ALTER TABLE {table} ADD COLUMN status TEXT NOT NULL DEFAULT 'active'")
    db.execute_sql(f"UPDATE {table} SET status = 'disabled' WHERE NOT {column}")  # noqa: S608 - the names are constants
    db.execute_sql(f"ALTER TABLE {table} DROP COLUMN {column}")


def boolean_for(db: Any, table: str, column: str) -> None:
    """Undo `status_for`."""
    db.execute_sql(f"ALTER TABLE {table} ADD COLUMN {column} BOOLEAN NOT NULL DEFAULT TRUE")
    db.execute_sql(f"UPDATE {table} SET {column} = FALSE WHERE status <> 'active'")  # noqa: S608 - the names are constants
    db.execute_sql(f"ALTER TABLE {table} DROP COLUMN status")
