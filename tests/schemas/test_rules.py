"""Rules about several fields: what breaks them, and what the reference says of them."""

from typing import Any, ClassVar

import jsonschema_rs
import pytest

from aasim_core.errors import Invalid
from aasim_core.schemas.fields import Choice, Text
from aasim_core.schemas.rules import AnyOf, Excludes, Needs, OneOf, Rule, Together
from aasim_core.schemas.schema import Schema, load

PLACE = Needs("resource_id", of="resource_type", when=("branch",))
MAIL = Needs("email", of="kind", when=("person",), default=True, message="Write an address.")
NO_MAIL = Excludes("email", of="kind", when=("service",), message="Leave this out.")
TOGETHER = Together("resource_id", "resource_type", "Write what stands at the place.")


def schema_with(*given: Rule) -> Schema:
    class ThingIn(Schema):
        role = Text(1, 20)
        role_id = Text(1, 20)
        resource_type = Choice("organization", "branch")
        resource_id = Text(1, 20)
        kind = Choice("person", "service", load_default="person")
        email = Text(1, 20)
        rules: ClassVar[Any] = given

    return ThingIn()


@pytest.mark.parametrize(
    ("rule", "value", "wrong"),
    [
        (OneOf("role", "role_id"), {"role": "viewer"}, {}),
        (OneOf("role", "role_id"), {"role_id": "x"}, {}),
        (OneOf("role", "role_id"), {}, {"role": "required"}),
        (OneOf("role", "role_id"), {"role": "viewer", "role_id": "x"}, {"role": "invalid_choice"}),
        (OneOf("role", "role_id", optional=True), {}, {}),
        (OneOf("role", "role_id", optional=True), {"role": "viewer", "role_id": "x"}, {"role": "invalid_choice"}),
        (AnyOf("role", "role_id"), {"role_id": "x"}, {}),
        (AnyOf("role", "role_id"), {"role": "viewer", "role_id": "x"}, {}),
        (AnyOf("role", "role_id"), {}, {"role": "required"}),
        (PLACE, {"resource_type": "organization"}, {}),
        (PLACE, {"resource_type": "branch", "resource_id": "x"}, {}),
        (PLACE, {"resource_type": "branch"}, {"resource_id": "required"}),
        (MAIL, {"email": "x"}, {}),
        (MAIL, {}, {"email": "required"}),
        (MAIL, {"kind": "service"}, {}),
        (NO_MAIL, {"kind": "service", "email": "x"}, {"email": "invalid_choice"}),
        (NO_MAIL, {"kind": "person", "email": "x"}, {}),
        (TOGETHER, {"resource_id": "x"}, {"resource_type": "required"}),
        (TOGETHER, {"resource_id": "x", "resource_type": "branch"}, {}),
    ],
)
def test_a_rule_says_the_same_when_a_body_is_loaded_and_in_the_reference(rule: Rule, value: Any, wrong: dict[str, str]) -> None:
    try:
        load(schema_with(rule), value)
        found = {}
    except Invalid as refused:
        found = {field: problems[0].code for field, problems in refused.problems.items()}
    assert found == wrong
    assert jsonschema_rs.is_valid(rule.shape(), value) == (wrong == {})


def test_a_patch_is_not_held_to_the_rules_of_the_whole() -> None:
    assert load(schema_with(OneOf("role", "role_id")), {"kind": "service"}, partial=True) == {"kind": "service"}
