"""What the API reference says about the field types."""

from typing import Any

import pytest
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from aasim_core.schemas import fields


@pytest.fixture
def spec() -> tuple[APISpec, Any]:
    plugin = MarshmallowPlugin()
    return APISpec(title="x", version="1", openapi_version="3.1.0", plugins=[plugin]), plugin.converter


@pytest.mark.parametrize(
    ("field", "shape"),
    [
        (fields.Text(1, 5), {"type": "string", "minLength": 1, "maxLength": 5}),
        (fields.Integer(1, 5), {"type": "integer", "format": "int64", "minimum": 1, "maximum": 5}),
        (fields.Boolean(load_default=False), {"type": "boolean", "default": False}),
        (fields.Choice("a", "b"), {"type": "string", "enum": ["a", "b"]}),
        (fields.Choice("a", allow_none=True), {"type": ["string", "null"], "enum": ["a", None]}),
        (fields.Instant(), {"type": "string", "format": "date-time", "maxLength": 35}),
        (fields.Secret(12, 256), {"type": "string", "format": "password", "minLength": 12, "maxLength": 256, "writeOnly": True}),
        (fields.Json(object_only=True), {"type": "object", "additionalProperties": True}),
        (
            fields.ListOf(fields.Id("agent"), 3, unique=True),
            {
                "type": "array",
                "minItems": 0,
                "maxItems": 3,
                "uniqueItems": True,
                "items": {"type": "string", "pattern": "^agent_[0-7][0-9a-hjkmnp-tv-z]{25}$", "maxLength": 32},
            },
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_field_is_described_with_its_limits(spec: tuple[APISpec, Any], field: fields.Strict, shape: dict[str, Any]) -> None:
    assert spec[1].field2property(field) == shape
