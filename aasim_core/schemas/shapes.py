"""JSON Schemas of fields, self-contained without references, for readers without the OpenAPI document."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from .containers import ListOf, Object

Shape = dict[str, Any]


def shape_of_object(held: Mapping[str, fields.Field[Any]]) -> Shape:
    """The JSON Schema of an object with these fields, as it is answered: open, for fields can be added."""
    required = [name for name, field in held.items() if field.required]
    properties = {name: shape_of(field) for name, field in held.items()}
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def shape_of(field: fields.Field[Any]) -> Shape:
    """The JSON Schema of a field's value."""
    shape = dict(field.metadata)
    if isinstance(field, ListOf):
        shape["items"] = shape_of(field.inner)
    if isinstance(field, Object):
        shape |= shape_of_object(field.schema.dump_fields)
    return {**shape, "type": [shape["type"], "null"]} if field.allow_none and "type" in shape else shape
