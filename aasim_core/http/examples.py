"""Examples for the API reference, made from what the fields say about themselves."""

from typing import Any

from marshmallow import Schema, fields, missing

_BY_FORMAT = {
    "date-time": "2026-01-31T09:00:00.000Z", "date": "2026-01-31", "email": "ada@example.org", "uri": "https://example.org",
    "password": "correct horse battery",
}  # fmt: skip
_BY_TYPE: dict[str, Any] = {"string": "text", "integer": 1, "number": 0.5, "boolean": True, "array": [], "object": {}}


def example_of(schema: Schema) -> dict[str, Any]:
    """An object that the schema takes: its required fields, or its first field where none is."""
    wanted = {name: field for name, field in schema.load_fields.items() if field.required}
    wanted = wanted or dict(list(schema.load_fields.items())[:1])
    return {name: _example(field) for name, field in wanted.items()}


def _example(field: fields.Field[Any]) -> Any:
    described = field.metadata
    if described.get("examples"):
        return described["examples"][0]
    if described.get("enum"):
        return described["enum"][0]
    if isinstance(field, fields.Nested):
        return example_of(field.schema)
    if field.load_default is not missing and not callable(field.load_default) and field.load_default is not None:
        return field.load_default
    text = _BY_FORMAT.get(described.get("format", "")) or _BY_TYPE.get(described.get("type", ""), "text")
    least = described.get("minLength", 0)
    return text.ljust(least, "x") if isinstance(text, str) else text
