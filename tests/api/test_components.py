"""How schemas become components of the OpenAPI document."""

from typing import Any

from aasim_core.openapi.components import Components, Use
from aasim_core.schemas import fields
from aasim_core.schemas.schema import Schema

from .test_openapi import parts


class LimitsIn(Schema):
    max_steps = fields.Integer(1, 5, load_default=3)


class ToolIn(Schema):
    ref = fields.Text(1, 200, required=True)
    approval = fields.Text(1, 200, load_default="auto")


class ThingIn(Schema):
    name = fields.Text(1, 120, required=True)
    tools = fields.ListOf(fields.Object(ToolIn), 64, load_default=list)
    limits = fields.Object(LimitsIn, load_default=dict)
    role = fields.Choice("a", "b", allow_none=True, load_default=None)


def test_a_patch_leaves_out_defaults_and_requirements_in_the_objects_within_but_not_in_lists() -> None:
    components = Components({})
    components.schema(ThingIn(), Use.PATCH)
    schemas = components.finished()["schemas"]
    assert "required" not in schemas["core.ThingPatch"]
    assert schemas["core.LimitsMembers"]["properties"]["max_steps"]["type"] == ["integer", "null"]
    assert schemas["core.ToolIn"]["required"] == ["ref"]
    assert not any("default" in part for part in parts(schemas) if isinstance(part, dict))


def test_a_body_tells_its_defaults_in_words() -> None:
    components = Components({})
    components.schema(ThingIn(), Use.BODY)
    properties = components.finished()["schemas"]["core.ThingIn"]["properties"]
    assert properties["tools"]["description"] == "Defaults to `[]`."
    assert properties["role"]["anyOf"] == [{"$ref": "#/components/schemas/core.ThingRole"}, {"type": "null"}]


def test_two_schemas_of_one_name_are_two_components() -> None:
    components = Components({})
    other: Any = type("ThingIn", (Schema,), {"other": fields.Text(), "__module__": __name__})
    first, second = components.schema(ThingIn(), Use.BODY), components.schema(other(), Use.BODY)
    assert first != second
    assert {"other"} == components.finished()["schemas"][second["$ref"].rpartition("/")[2]]["properties"].keys()
