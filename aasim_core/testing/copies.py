"""Rows for tests: copies that differ from their original where values must be unique, and rows that name an object."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import peewee

from ..clock import now
from ..context import organization_scope
from ..data.fields import IdField, InstantField, JsonField
from ..data.records import insert_rows
from ..data.references import naming
from ..ids import new_id

if TYPE_CHECKING:
    from ..app import App
    from .world import Person


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


@contextmanager
def named_by(app: "App", person: "Person", model: Any, field: str, object_id: str) -> Iterator[Callable[[], bool]]:
    """Write a row of `model` whose `field` names the object; yields what tells whether it still does. The row is gone in the end."""
    with app.database.transaction(), organization_scope(person.organization_id):
        row = _row_naming(model, field, object_id)
        insert_rows(model, [row.row()])
    mine = model.select().where(model.id == row.id, naming(getattr(model, field), object_id))

    def still() -> bool:
        with organization_scope(person.organization_id):
            return bool(mine.exists())

    yield still
    with app.database.transaction(), organization_scope(person.organization_id):
        model.delete().where(model.id == row.id).execute()


def _row_naming(model: Any, field: str, object_id: str) -> Any:
    lacking = [each for each in model._meta.sorted_fields if not each.null and each.default is None]
    name: Any = [object_id] if isinstance(getattr(model, field), JsonField) else object_id
    return model(**{**{each.name: _anything(each) for each in lacking}, field: name})


def _anything(field: peewee.Field) -> Any:
    if isinstance(field, InstantField):
        return now()
    if isinstance(field, JsonField):
        return {}
    return "x" if isinstance(field, peewee.TextField) else 0
