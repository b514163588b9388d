"""Export an organization's rows of a table, except secrets, in index order, holding one batch in memory."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import peewee

from ..data.fields import DigestField, JsonField, SealedField
from ..data.records import Row, database_of, is_tenant
from ..data.scope import TENANT_COLUMN
from ..data.statements import Bind

ROWS_AT_ONCE = 500


def is_dumped(model: type[Row]) -> bool:
    """Return whether rows of `model` belong to an organization and are of interest to it; ``Meta.internal`` tables are not."""
    return is_tenant(model) and not getattr(model._meta, "internal", False)


class Dump:
    """The rows of one record class in the organization in scope."""

    def __init__(self, model: type[Row]) -> None:
        self.table: str = model._meta.table_name
        self._model = model
        fields = [field for field in model._meta.sorted_fields if not isinstance(field, SealedField | DigestField)]
        self.columns = tuple(field.name for field in fields)
        self._texts = tuple(field.name for field in fields if isinstance(field, JsonField))
        self._flags = tuple(field.name for field in fields if isinstance(field, peewee.BooleanField))
        self._order = _order(model)

    def rows(self, after: Sequence[Any] | None = None) -> Iterator[tuple[Sequence[Mapping[str, Any]], Sequence[Any]]]:
        """Yield all rows in batches, as JSON, each with the key of its last row: pass it as `after` to continue from there.

        The consumer must resume iteration inside the scope.
        """
        while True:
            rows = self._some(after)
            if rows:
                after = [rows[-1][self._read.index(name)] for name in self._order]
                yield [self._shown(row) for row in rows], after
            if len(rows) < ROWS_AT_ONCE:
                return

    def one(self, row_id: str) -> Mapping[str, Any]:
        """Return the row with that id."""
        row = self._model.get_by_id(row_id).row()
        return self._shown([row[name] for name in self._read])

    @property
    def _read(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.columns, *self._order)))

    def _some(self, after: Sequence[Any] | None) -> list[tuple[Any, ...]]:
        database = database_of(self._model)
        values = {} if after is None else dict(zip(self._order, after, strict=True))
        statement = database.statement(self._query, after is not None)
        return list(statement.run(database, values).fetchall())

    def _query(self, after: bool) -> Any:
        query: Any = self._model.select(*(getattr(self._model, name) for name in self._read))
        key = [getattr(self._model, name) for name in self._order]
        if after:
            query = query.where(peewee.Tuple(*key) > peewee.Tuple(*[Bind(name) for name in self._order]))
        return query.order_by(*key).limit(ROWS_AT_ONCE)

    def _shown(self, row: Sequence[Any]) -> Mapping[str, Any]:
        shown = dict(zip(self.columns, row, strict=False))
        for name in self._texts:
            shown[name] = None if shown[name] is None else orjson.Fragment(shown[name])
        for name in self._flags:
            shown[name] = None if shown[name] is None else bool(shown[name])
        return shown


def _order(model: type[Row]) -> tuple[str, ...]:
    """Return the fields of an index that orders the organization's rows uniquely; otherwise those of the primary key."""
    meta = model._meta
    key = tuple(meta.primary_key.field_names if isinstance(meta.primary_key, peewee.CompositeKey) else (meta.primary_key.name,))
    indexes = [index for index in meta.indexes if not isinstance(index, peewee.Index)]
    unique = [{*key}, *({*names} for names, is_unique in indexes if is_unique)]
    for names, _ in sorted(indexes, key=lambda index: bool(index[1])):  # unique indexes may be over names, which change
        is_whole = names[0] == TENANT_COLUMN and any(each <= {*names} for each in unique)
        if is_whole and not any(meta.fields[name].null for name in names):
            return tuple(names)
    return key
