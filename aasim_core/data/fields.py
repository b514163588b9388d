"""Column types that behave alike on SQLite and PostgreSQL."""

from datetime import datetime
from functools import partial
from typing import Any

import orjson
import peewee

from ..clock import from_text, to_text
from ..ids import new_id
from ..secrets import Place
from ..text.json import to_json


class IdField(peewee.TextField):
    """A TypeID; as a primary key it fills itself, with the prefix in the record's ``Meta.id_prefix``."""

    def bind(self, model: type[peewee.Model], name: str, set_attribute: bool = True) -> None:
        prefix = getattr(model._meta, "id_prefix", None)
        if self.primary_key and prefix:
            self.default = partial(new_id, prefix)
        super().bind(model, name, set_attribute)


class InstantField(peewee.TextField):
    """An instant: an aware `datetime` in Python, RFC 3339 text of fixed width in the database, so that it sorts and renders as is."""

    def db_value(self, value: datetime | str | None) -> str | None:
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else from_text(value)
        if moment.tzinfo is None:
            raise ValueError("a moment needs an offset; aasim_core.clock.now() has one")
        return to_text(moment)

    def python_value(self, value: str | None) -> datetime | None:
        return None if value is None else from_text(value)


class JsonField(peewee.TextField):
    """A JSON value, stored as text on both databases so that lists can return it without parsing."""

    def db_value(self, value: Any) -> str | None:
        return None if value is None else to_json(value).decode()

    def python_value(self, value: str | None) -> Any:
        return None if value is None else orjson.loads(value)


class SortedJsonField(JsonField):
    """A JSON value stored with sorted keys, so that it can be hashed."""

    def db_value(self, value: Any) -> str | None:
        return None if value is None else to_json(value, sort_keys=True).decode()


class SealedField(peewee.TextField):
    """A secret, sealed by the key ring for its column and row. Key rotation re-encrypts only fields of this type.

    Its record has the field `id` and, if it belongs to a tenant, `organization_id`.
    """

    def place(self, row_id: str, organization_id: str = "") -> Place:
        """Return what that row's value is sealed for; `organization_id` is empty where no tenant owns the row."""
        return Place(self.model._meta.table_name, self.column_name, organization_id, row_id)


class DigestField(peewee.TextField):
    """The digest by which a password or token is recognized. It is not itself a secret, yet it is never shown or exported."""
