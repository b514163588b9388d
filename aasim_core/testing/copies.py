"""Copies of values and rows that differ from their original where values must be unique."""

from collections.abc import Iterator, Mapping
from typing import Any

import peewee

from ..data.fields import IdField
from ..ids import new_id


def numbered(text: str, number: int) -> str:
    """The text, or the e-mail address, with a number that makes it another one."""
    local, at, domain = text.partition("@")
    return f"{local}-{number}{at}{domain}"


def copied(model: Any, original: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The row with a new id, and another value in each field whose value only one row may have."""
    single = [field for field in _unique_fields(model) if not field.primary_key and not isinstance(field, IdField)]
    changed = {field.name: _other(original[field.name], number) for field in single}
    return {**original, **changed, "id": new_id(model._meta.id_prefix)}


def _unique_fields(model: Any) -> Iterator[Any]:
    yield from (field for field in model._meta.sorted_fields if field.unique)
    for index in model._meta.indexes:
        if isinstance(index, peewee.Index):
            described: Any = index
            yield from (part for part in described._expressions if described._unique and isinstance(part, peewee.Field))
        else:
            names, unique = index
            yield from (model._meta.fields[name] for name in names if unique)


def _other(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return numbered(value, number)
    return value + number if isinstance(value, int) else value
