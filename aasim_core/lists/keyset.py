"""The order of a list, and the condition for the rows after a given one.

The key of a row is the values that the list is sorted by, and the id, which makes it unique. Keys are compared as row values,
``(created_at, id) < (?, ?)``, which one index serves at any depth. Where directions differ, each run of one direction is a row value of its
own, and the rows after it are selected with OR, behind a bound on the first run from which an index scan can start.

Null sorts after every other value, on both databases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import peewee
from peewee import Value, fn

from ..data.statements import Bind


@dataclass(frozen=True)
class _Part:
    """A compared expression, the bind of its value at the position, and the direction."""

    expression: Any
    bind: str
    descending: bool


def key_names(sort: Sequence[str]) -> tuple[str, ...]:
    """Return the fields of the key of a list sorted by `sort`: names, prefixed with ``-`` for descending."""
    names = tuple(word.removeprefix("-") for word in sort)
    return names if "id" in names else (*names, "id")


def ordered(query: Any, model: type[Any], sort: Sequence[str], *, backwards: bool, after: bool) -> Any:
    """Return the query in the order of `sort`, or reversed; with `after`, only rows behind `position_values`."""
    parts = _parts(model, sort, backwards)
    if after:
        query = query.where(_after(parts))
    return query.order_by(*[part.expression.desc() if part.descending else part.expression.asc() for part in parts])


def position_values(model: type[Any], sort: Sequence[str], key: Sequence[Any]) -> dict[str, Any]:
    """Return the values that `ordered` binds for the row with this key."""
    values = {}
    for name, value in zip(key_names(sort), key, strict=True):
        column = getattr(model, name)
        if column.null:
            values[f"after_{name}_empty"] = value is None
        values[f"after_{name}"] = _nothing(column) if value is None else value
    return values


def _parts(model: type[Any], sort: Sequence[str], backwards: bool) -> list[_Part]:
    directions = [word.startswith("-") != backwards for word in sort]
    names = key_names(sort)
    directions += directions[-1:] * (len(names) - len(directions))  # the id follows the last field
    return [
        part
        for name, descending in zip(names, directions, strict=True)
        for part in _parts_of(getattr(model, name), name, descending)
    ]


def _parts_of(column: Any, name: str, descending: bool) -> list[_Part]:
    if not column.null:
        return [_Part(column, f"after_{name}", descending)]
    filled = fn.COALESCE(column, Value(_nothing(column), converter=False))
    return [_Part(column.is_null(), f"after_{name}_empty", descending), _Part(filled, f"after_{name}", descending)]


def _nothing(column: Any) -> Any:
    """Return a value of the column's type, to accompany the marker of a null."""
    if isinstance(column, peewee.BooleanField):
        return False
    return "" if isinstance(column, peewee.TextField) else 0


def _after(parts: Sequence[_Part]) -> Any:
    same = list(takewhile(lambda part: part.descending == parts[0].descending, parts))
    key, bound = peewee.Tuple(*[part.expression for part in same]), peewee.Tuple(*[Bind(part.bind) for part in same])
    rest = parts[len(same) :]
    if parts[0].descending:
        return (key <= bound) & ((key < bound) | _after(rest)) if rest else key < bound
    return (key >= bound) & ((key > bound) | _after(rest)) if rest else key > bound
