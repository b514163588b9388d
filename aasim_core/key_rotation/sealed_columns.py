"""The columns that hold sealed values, read and written past their records: a plugin that is off has tables and no records."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import peewee
from peewee import fn

from ..data.fields import SealedField
from ..data.records import Row
from ..data.scope import TENANT_COLUMN
from ..secrets.keyring import FORMAT_MARK, Place, key_id_of, mark_of
from .records import SealedColumn

if TYPE_CHECKING:
    from ..app import App
    from ..data.database import Database


@dataclass(frozen=True)
class Sealed:
    """One sealed value, the id of its row, and where it opens."""

    row_id: str
    value: str
    place: Place


class Column:
    """One column of sealed values. Each call needs a system scope."""

    def __init__(self, database: "Database", table: str, name: str) -> None:
        self.table, self.name = table, name
        self._database = database
        self._has_tenants = any(column.name == TENANT_COLUMN for column in database.get_columns(table))
        self._rows: Any = peewee.Table(table, ("id", TENANT_COLUMN, name))
        self._value = getattr(self._rows, name)

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"

    def count(self, key_id: str) -> int:
        """How many values the key sealed."""
        query = self._rows.select(fn.COUNT(self._rows.id)).where(self._is_sealed_by(key_id))
        return int(self._database.execute(query).fetchone()[0])

    def other_key(self, key_ids: Collection[str]) -> str | None:
        """The id of a key, other than these, that sealed a value here."""
        query = self._rows.select(self._value).where(self._begins_with(FORMAT_MARK))
        for key_id in key_ids:
            query = query.where(~self._is_sealed_by(key_id))
        row = self._database.execute(query.limit(1)).fetchone()
        return None if row is None else key_id_of(row[0])

    def not_sealed_by(self, key_id: str, after: str, limit: int) -> list[Sealed]:
        """Values of other keys, in the order of their rows' ids, of rows with ids after `after`."""
        owner = getattr(self._rows, TENANT_COLUMN) if self._has_tenants else peewee.Value("")
        query = self._rows.select(self._rows.id, owner, self._value).where(
            self._rows.id > after, self._begins_with(FORMAT_MARK), ~self._is_sealed_by(key_id)
        )
        rows = self._database.execute(query.order_by(self._rows.id).limit(limit)).fetchall()
        return [Sealed(row_id, value, Place(self.table, self.name, owner, row_id)) for row_id, owner, value in rows]

    def replace(self, sealed: Sealed, value: str) -> bool:
        """Write the value in place of the one that was read; False when somebody has changed that meanwhile."""
        query = self._rows.update({self._value: value}).where(self._rows.id == sealed.row_id, self._value == sealed.value)
        return bool(self._database.execute(query).rowcount)

    def _is_sealed_by(self, key_id: str) -> Any:
        return self._begins_with(mark_of(key_id))

    def _begins_with(self, mark: str) -> Any:
        # LIKE would not tell A from a on SQLite.
        return fn.SUBSTR(self._value, 1, len(mark)) == mark


def declared(models: Iterable[type[Row]]) -> set[tuple[str, str]]:
    """Table and name of every column that the records declare as sealed."""
    return {
        (model._meta.table_name, field.column_name)
        for model in models
        for field in model._meta.sorted_fields
        if isinstance(field, SealedField)
    }


def columns_of(app: "App") -> list[Column]:
    """The columns of all records, and those of plugins that were on once and have not been purged."""
    noted = {(row.table_name, row.column_name) for row in SealedColumn.select()}
    names = sorted(noted | declared(app.models))
    return [Column(app.database, *name) for name in names if app.database.table_exists(name[0])]
