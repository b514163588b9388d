"""Examples for the API reference, derived from the declarations of fields."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, missing

from ..errors import Refused
from .containers import Json, ListOf, Object
from .formats import Id, example_id
from .scalars import Boolean, Integer, Number, Strict
from .schema import load

_QUOTED = re.compile(r'such as "([^"]+)"')
_BY_FORMAT = {
    "date-time": "2026-01-31T09:00:00.000Z", "date": "2026-01-31", "email": "ada@example.org", "uri": "https://example.org",
    "password": "correct horse battery staple",
}  # fmt: skip
#: What fields of these names hold in every schema that says nothing else.
_BY_NAME: Mapping[str, Any] = {
    "name": "Customer care", "title": "Customer care", "label": "Customer care", "description": "Answers questions about orders.",
    "slug": "customer-care", "timezone": "Europe/Vienna", "locale": "en",
    "message": "Done.", "comment": "Checked with the customer.",
    "reason": "Checked with the customer.", "tags": ["support"], "version": 3, "total": 1, "plugin": "agents", "role": "viewer",
    "permission": "agents:read", "currency": "EUR", "model": "gpt-5-mini", "provider": "openai_compatible", "ip_address": "203.0.113.7",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)", "input": "Where is my order 4711?",
    "instructions": "You answer questions about orders.",
    "created_at": "2026-01-31T08:30:00.000Z",
}  # fmt: skip
#: What ids are of that say no more than their name.
_KIND_OF = {
    "owner": "user", "author": "user", "lead": "user", "head": "user", "manager": "user", "department": "dept", "initiator": "user",
    "resource": "branch", "subject": "user", "scope": "project",
}  # fmt: skip


def example_of(schema: Schema) -> dict[str, Any]:
    """An object that the schema takes: its required fields, or its first field where none is."""
    wanted = {name: field for name, field in schema.load_fields.items() if field.required}
    wanted = wanted or dict(list(schema.load_fields.items())[:1])
    return {name: _example(name, field) for name, field in wanted.items()}


def body_example(schema: Schema, *, patch: bool = False) -> dict[str, Any] | None:
    """What a client might send: the required fields and those with an example of their own; of a patch, one of these.

    None where that is not what the schema takes, since generators of clients refuse a document with such an example.
    """
    fields_, shown = schema.load_fields, [name for name, field in schema.load_fields.items() if field.metadata.get("examples")]
    names = [*shown, *fields_][:1] if patch else [name for name in fields_ if name in shown or name in example_of(schema)]
    return _checked(schema, {name: _example(name, fields_[name]) for name in names}, partial=patch)


def reply_example(schema: Schema) -> dict[str, Any] | None:
    """An answer that the schema describes, with all of its fields that are always there; None where it does not meet the schema."""
    return _checked(schema, _answer(schema), partial=False)


def _answer(schema: Schema) -> dict[str, Any]:
    return {name: _example(name, field, answer=True) for name, field in schema.dump_fields.items() if field.required}


def _checked(schema: Schema, example: dict[str, Any], *, partial: bool) -> dict[str, Any] | None:
    try:
        load(schema, example, partial=partial)
    except Refused:
        return None
    return example


def _example(name: str, field: fields.Field[Any], *, answer: bool = False) -> Any:
    is_null = answer and field.allow_none
    told = field.metadata.get("examples") or (field.metadata.get("enum") if not is_null else ())
    if told or is_null:
        return told[0] if told else None
    if isinstance(field, Object):
        return _answer(field.schema) if answer else example_of(field.schema)
    if not answer and field.load_default not in (missing, None) and not callable(field.load_default):
        return field.load_default
    if isinstance(field, ListOf):
        return _BY_NAME.get(name, [_example(name.removesuffix("s"), field.inner, answer=answer)])
    return _value(name, field)


def _value(name: str, field: fields.Field[Any]) -> Any:
    if isinstance(field, Id):
        word = name.removesuffix("_id")
        return example_id(field.prefix or _KIND_OF.get(word, word if word.isalpha() and word != "id" else None))
    if isinstance(field, Boolean):
        return True
    if isinstance(field, Integer | Number):
        wanted = _BY_NAME.get(name, 1)
        return min(max(wanted, field.least), field.most) if isinstance(wanted, int) else 1
    if isinstance(field, Json):
        return {} if field.object_only else _BY_NAME.get(name, {})
    return _text(name, field)


def _text(name: str, field: fields.Field[Any]) -> Any:
    quoted = _QUOTED.search(field.expects) if isinstance(field, Strict) else None
    if isinstance(_BY_NAME.get(name), str) and quoted is None:
        return _BY_NAME[name]
    text = quoted[1] if quoted else _BY_FORMAT.get(field.metadata.get("format", ""), name.replace("_", " "))
    return text[: field.metadata.get("maxLength")].ljust(field.metadata.get("minLength", 0), "x")
