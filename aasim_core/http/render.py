"""From rows to JSON bytes through a column plan that is derived from the reply's schema once.

A row is what the database holds: times are RFC 3339 text already, JSON columns are JSON text and go into the answer unparsed. A test
holds each plan equal to its schema's own dump.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema
from orjson import Fragment

from ..data.records import Row
from .fields import Boolean, Json, ListOf, Object


@dataclass(frozen=True)
class Derived:
    """A field of an answer that no column holds: `make` makes it from a row that has `columns`."""

    columns: tuple[str, ...]
    make: Callable[[Mapping[str, Any]], Any]


class Plan:
    """How the rows of one reply schema become JSON: `names` in the answer's order, `columns` to read for them."""

    def __init__(self, schema: Schema, derived: Mapping[str, Derived] | None = None) -> None:
        self.names: tuple[str, ...] = tuple(name for name, field in schema.fields.items() if not field.load_only)
        self._derived = tuple((derived or {}).items())
        held = [name for name in self.names if name not in (derived or {})]
        sources = (column for _, field in self._derived for column in field.columns)
        self.columns = tuple(dict.fromkeys((*held, *sources)))
        self._flags = tuple(name for name in held if isinstance(schema.fields[name], Boolean))
        self._texts = tuple(name for name in held if isinstance(schema.fields[name], ListOf | Json | Object))

    def item(self, source: Any) -> dict[str, Any]:
        """The JSON object for a record, or for a mapping with at least the plan's columns."""
        return self._item(source.row() if isinstance(source, Row) else source)

    def items(self, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
        """The JSON objects for rows whose values stand in the order of `columns`."""
        if columns == self.names and not self._derived:
            return [self._finished(dict(zip(columns, row, strict=True))) for row in rows]
        return [self._item(dict(zip(columns, row, strict=True))) for row in rows]

    def _item(self, row: Mapping[str, Any]) -> dict[str, Any]:
        made = {name: field.make(row) for name, field in self._derived}
        return self._finished({name: made[name] if name in made else row[name] for name in self.names})

    def _finished(self, item: dict[str, Any]) -> dict[str, Any]:
        """Put JSON text in as it is, and make SQLite's 0 and 1 what they mean; on the hot path, so without a call per value."""
        for name in self._texts:
            value = item[name]
            if type(value) is str:
                item[name] = Fragment(value)
        for name in self._flags:
            if item[name] is not None:
                item[name] = bool(item[name])
        return item
