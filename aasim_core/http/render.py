"""From rows to JSON bytes through a column plan that is derived from the reply's schema once.

A row is what the database holds: times are RFC 3339 text already, JSON columns are JSON text and go into the answer unparsed. A test
holds each plan equal to its schema's own dump.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from marshmallow import Schema
from marshmallow.fields import Field

from ..clock import to_text
from ..data.records import Record
from .fields import Boolean, Instant, Json, ListOf, Object


def _fragment(value: Any) -> Any:
    return orjson.Fragment(value) if isinstance(value, str) else value


def _text_of_instant(value: Any) -> Any:
    return to_text(value) if isinstance(value, datetime) else value


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
        made = {name for name, _ in self._derived}
        sources = (column for _, field in self._derived for column in field.columns)
        self.columns = tuple(dict.fromkeys((*(name for name in self.names if name not in made), *sources)))
        self._converters = tuple(
            (name, convert) for name in self.names if name not in made and (convert := _converter(schema.fields[name]))
        )

    def item(self, source: Any) -> dict[str, Any]:
        """The JSON object for a record, or for a mapping with at least the plan's columns."""
        return self._item(source.row() if isinstance(source, Record) else source)

    def items(self, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
        """The JSON objects for rows whose values stand in the order of `columns`."""
        if columns == self.names:
            return [self._converted(dict(zip(columns, row, strict=True))) for row in rows]
        return [self._item(dict(zip(columns, row, strict=True))) for row in rows]

    def _item(self, row: Mapping[str, Any]) -> dict[str, Any]:
        made = {name: field.make(row) for name, field in self._derived}
        return self._converted({name: made[name] if name in made else row[name] for name in self.names})

    def _converted(self, item: dict[str, Any]) -> dict[str, Any]:
        for name, convert in self._converters:
            value = item[name]
            if value is not None:
                item[name] = convert(value)
        return item


def _converter(field: Field[Any]) -> Callable[[Any], Any] | None:
    if isinstance(field, Boolean):
        return bool
    if isinstance(field, ListOf | Json | Object):
        return _fragment
    if isinstance(field, Instant):
        return _text_of_instant
    return None
