"""Render rows as JSON bytes through a column plan that is derived from the reply's schema once.

A row is as in the database: times are RFC 3339 text already, and JSON columns are JSON text that is copied into the response unparsed.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from marshmallow import Schema
from orjson import Fragment

from ..data.records import Row
from ..schemas.fields import Boolean, Json, ListOf, Object

if TYPE_CHECKING:
    from ..access.rights import Rights
    from ..tenancy.principal import Principal


class Viewer(Protocol):
    """Who gets an answer, and what they may do: a request, once the guard has found that out."""

    principal: "Principal"
    rights: "Rights"


@dataclass(frozen=True)
class Derived:
    """A response field that no column holds: `make` computes it from a row's `columns`."""

    columns: tuple[str, ...]
    make: Callable[[Mapping[str, Any]], Any]

    def of(self, held: Mapping[str, Sequence[Any]]) -> list[Any]:
        """Return the field of each row, from the columns of all of them."""
        values = zip(*(held[column] for column in self.columns), strict=True)
        return [self.make(dict(zip(self.columns, each, strict=True))) for each in values]

    def fields(self, name: str, held: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
        """Return the values of the field `name`, and of others that are computed together with it, for each row."""
        return {name: self.of(held)}

    def seen_by(self, viewer: Viewer) -> "Derived":
        """The field as the viewer gets it, where that depends on who it is."""
        return self


class Together(Derived):
    """Several response fields, each of which has this in `Resource.derived`: they are computed at once for all rows of a page."""

    def __init__(self, *columns: str) -> None:
        super().__init__(columns, lambda row: None)

    def fields(self, name: str, held: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
        raise NotImplementedError


class ObjectOf(Derived):
    """An object composed of columns; `members` are their names by those of the object's own fields."""

    def __init__(self, members: Mapping[str, str]) -> None:
        self.members = dict(members)
        super().__init__(tuple(members.values()), lambda row: {name: row[column] for name, column in members.items()})

    def of(self, held: Mapping[str, Sequence[Any]]) -> list[Any]:
        values = zip(*(held[column] for column in self.columns), strict=True)
        return [dict(zip(self.members, each, strict=True)) for each in values]


class Plan:
    """The rendering of one reply schema's rows as JSON: `names` in the response's order, `columns` to read for them."""

    def __init__(self, schema: Schema, derived: Mapping[str, Derived] | None = None) -> None:
        self.names: tuple[str, ...] = tuple(name for name, field in schema.fields.items() if not field.load_only)
        self._derived = {name: field for name, field in (derived or {}).items() if name in self.names}
        self._is_the_same_for_all = all(type(field).seen_by is Derived.seen_by for field in self._derived.values())
        held = [name for name in self.names if name not in self._derived]
        sources = (column for field in self._derived.values() for column in field.columns)
        self.columns = tuple(dict.fromkeys((*held, *sources)))
        self._flags = tuple(name for name in held if isinstance(schema.fields[name], Boolean))
        self._texts = tuple(name for name in held if isinstance(schema.fields[name], ListOf | Json | Object))

    def seen_by(self, viewer: Viewer) -> "Plan":
        """The plan for answers to this viewer."""
        if self._is_the_same_for_all:
            return self
        plan = copy(self)
        plan._derived = {name: field.seen_by(viewer) for name, field in self._derived.items()}
        return plan

    def item(self, source: Any) -> dict[str, Any]:
        """Return the JSON object for a record, or for a mapping with at least the plan's columns."""
        row = source.row() if isinstance(source, Row) else source
        made = self._made({name: (row[name],) for name in self.columns})
        return self._finished([{name: made[name][0] if name in made else row[name] for name in self.names}])[0]

    def items(self, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
        """Return the JSON objects for rows whose values are in the order of `columns`."""
        if self._derived or columns != self.names:
            rows = self._composed(columns, rows)
        return self._finished([dict(zip(self.names, row, strict=True)) for row in rows])

    def _composed(self, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> Sequence[tuple[Any, ...]]:
        """Return the rows with the response's fields in order; assembled column by column, which halves the time."""
        if not rows:
            return ()
        held = dict(zip(columns, zip(*rows, strict=True), strict=True))
        made = self._made(held)
        return list(zip(*(made[name] if name in made else held[name] for name in self.names), strict=True))

    def _made(self, held: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
        """Return the derived fields, each for all rows."""
        made: dict[str, Sequence[Any]] = {}
        for name, field in self._derived.items():
            if name not in made:
                made |= field.fields(name, held)
        return made

    def _finished(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Insert JSON text verbatim, and convert SQLite's 0 and 1 to booleans; a hot path, so without a call per value."""
        for name in self._texts:
            for item in items:
                value = item[name]
                if type(value) is str:
                    item[name] = Fragment(value)
        for name in self._flags:
            for item in items:
                if item[name] is not None:
                    item[name] = bool(item[name])
        return items
