"""JSON Schemas of users: what is refused when it is saved, and that applying one takes a bounded number of steps."""

import random
from typing import Any

import pytest

from aasim_core.user_code import schema_cost
from aasim_core.user_code.json_schema import flaw, told, too_costly, violations, violations_by_pointer
from aasim_core.user_code.schema_cost import Cost
from aasim_core.user_code.schema_document import Document, Flawed
from aasim_core.user_code.schema_graph import graph_of

from .schemas import BOMBS, counting, doubling, random_schema, random_value

TREE = {"type": "object", "properties": {"name": {"type": "string"}, "parts": {"type": "array", "items": {"$ref": "#"}}}}
#: It applies itself twice to each property, so that each level of a value doubles the work.
DOUBLED_TREE = {"allOf": [{"properties": {"a": {"$ref": "#"}}}] * 2}
DECIMAL = r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"  # as pydantic writes it


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def test_violations_name_the_place_and_what_is_wrong() -> None:
    value = {"name": "all", "parts": [{"name": 2}]}
    assert violations(TREE, value) == [("parts[0].name", '2 is not of type "string"')]
    assert violations_by_pointer(TREE, value) == [("/parts/0/name", '2 is not of type "string"')]


_FORMS = {
    "anyOf": [
        {"type": "object", "properties": {"kind": {"const": "a"}}, "required": ["kind"]},
        {"type": "array", "maxItems": 1},
        {"const": "none"},
    ]
}


@pytest.mark.parametrize(
    ("schema", "value", "violation"),
    [
        (TREE, {"name": 2}, (("name",), "invalid_type", "Write text.")),
        ({"type": ["integer", "null"]}, "x", ((), "invalid_type", "Write null or a whole number.")),
        ({"required": ["a"]}, {}, (("a",), "required", 'Write the field "a"; it is required.')),
        ({"properties": {"name": {}}, "additionalProperties": False}, {"nmae": 1}, (
            ("nmae",), "unknown_field", 'There is no field "nmae". Did you mean "name"?',
        )),
        ({"$defs": {"x": {"properties": {"b": {}, "a": {}}, "additionalProperties": False}}, "items": {"$ref": "#/$defs/x"}}, [{"c": 1}], (
            (0, "c"), "unknown_field", 'There is no field "c". The fields are a, b.',
        )),
        ({"properties": {}, "additionalProperties": False}, {"a": 1}, (("a",), "unknown_field", 'There is no field "a". Leave it out.')),
        ({"enum": ["a", "b", None]}, "c", ((), "invalid_choice", 'Write "a", "b" or null.')),
        ({"const": 1}, 2, ((), "invalid_choice", "Write 1.")),
        ({"minLength": 1}, "", ((), "too_short", "Write at least 1 character.")),
        ({"maxItems": 2}, [1, 2, 3], ((), "too_many_items", "Write a list of at most 2 items.")),
        ({"maximum": 5}, 6, ((), "out_of_range", "Write a number of at most 5.")),
        ({"pattern": "^a$", "description": "an a"}, "b", ((), "invalid_format", "Write an a.")),
        ({"pattern": "^a$"}, "b", ((), "invalid_format", "Write what the pattern ^a$ matches.")),
        (_FORMS, {"kind": "b"}, (("kind",), "invalid_choice", 'Write "a".')),
        (_FORMS, [1, 2], ((), "too_many_items", "Write a list of at most 1 item.")),
        (_FORMS, 1, ((), "invalid_format", 'Write an object. Or: Write a list. Or: Write "none".')),
        ({"oneOf": [{}, True]}, 1, ((), "invalid_format", "This has several of the forms that there are; write one of them.")),
        ({"not": {}}, 1, ((), "invalid_format", "This may not be written here.")),
        ({"propertyNames": {"not": {"pattern": "^host$"}}}, {"a": 1, "host": 2}, (
            ("host",), "invalid_format", "This is no name for a field here. This may not be written here.",
        )),
        ({"type": "nothing"}, 1, ((), "invalid_format", "This is not a JSON Schema: \"nothing\" is not valid under any of the schemas")),
    ],
)  # fmt: skip
def test_a_violation_is_told_with_what_to_write_instead(schema: Any, value: Any, violation: tuple[Any, str, str]) -> None:
    [found] = told(schema, value)
    assert (found.parts, found.code, found.message[: len(violation[2])]) == violation


def test_of_many_unknown_fields_the_first_are_told() -> None:
    found = told({"properties": {f"p{n}": {} for n in range(99)}, "additionalProperties": False}, {f"q{n}": 1 for n in range(99)})
    assert len(found) == 20


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        TREE,
        DOUBLED_TREE,
        {"pattern": DECIMAL},
        {"$id": "https://example.com/a", "$defs": {"b": {"$anchor": "c"}}, "$ref": "https://example.com/a#c"},
        {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {}}, "items": [{"$ref": "#/definitions/a"}]},
        {
            "properties": {
                f"p{n}": {"properties": {f"q{m}": {"type": "string", "maxLength": 9} for m in range(20)}} for n in range(50)
            }
        },
    ],
)
def test_a_schema_of_use_has_no_flaw(schema: Any) -> None:
    assert flaw(schema) is None


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_when_it_is_saved_and_harmless_when_it_was_saved_before(bomb: str) -> None:
    assert flaw(BOMBS[bomb])
    assert len(violations(BOMBS[bomb], {"a": "x"})) <= 10


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (doubling(40), "more than 10000 parts; simplify it"),
        (BOMBS["a long chain"], "nested more than 128 deep"),
        (BOMBS["itself"], "refers to itself here without going into the value"),
        (BOMBS["another document"], "cannot refer to other documents"),
        (BOMBS["another language"], "This is not a JSON Schema: $schema names no known draft"),
        (BOMBS["large patterns"], "too large a one together with the others"),
        ({"$ref": "#/$defs/none"}, "#/$defs/none is not part of this schema"),
        ({"$ref": "#/type", "type": "string"}, "#/type is no schema"),
        ({"$defs": {"a": {"$id": "https://example.com/a"}}}, "cannot hold another one with an $id; refer to it by its place"),
        ({"type": "nothing"}, "This is not a JSON Schema"),
        ({"pattern": "("}, "'(' is not a pattern"),
        ({"minimum": 2**70}, "This is not a JSON Schema"),
        (5, "This is not a JSON Schema"),
    ],
)
def test_a_flaw_says_what_to_write_instead(schema: Any, told: str) -> None:
    assert told in (flaw(schema) or "")


def test_a_schema_that_refers_to_itself_is_counted_for_each_value() -> None:
    assert violations(DOUBLED_TREE, nested(10)) == []
    assert violations(DOUBLED_TREE, nested(30)) == [
        ("_", "It takes too many steps to check this; send less, or simplify the schema.")
    ]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": r"^(?:(?=.*q)a|a|b|ab)*(?!x)c$"}, "ab" * 500_000),
        ({"pattern": r"^[ab]*a[ab]{1000}c$"}, "ab" * 500_000),
        (TREE, nested(200)),
    ],
    ids=["look-around", "a large pattern", "a deep value"],
)
def test_a_value_that_takes_too_many_steps_is_refused(schema: Any, value: Any) -> None:
    assert too_costly(schema, value)


def test_errors_that_hold_too_much_are_not_listed() -> None:
    (only,) = violations({"allOf": [{"type": "null"}] * 500}, [[0] * 100] * 100)
    assert only == ("_", "This does not meet the schema, and it is too large to list where.")


def test_a_message_does_not_repeat_a_long_value() -> None:
    ((_, message),) = violations({"type": "null"}, "x" * 10_000)
    assert len(message) == 500


def test_a_pattern_with_look_around_ends_and_then_does_not_match() -> None:
    ((_, message),) = violations({"pattern": r"^(?:(?=.*q)a|a|b|ab)*(?!x)c$"}, "ab" * 1000)
    assert "Max limit for backtracking count exceeded" in message
    assert violations({"pattern": DECIMAL}, "12.50") == []


@pytest.mark.parametrize("seed", [*range(40), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(40, 500))])
def test_no_schema_is_applied_more_often_than_was_counted(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - it plays dice
    schema, value = random_schema(dice), random_value(dice)
    try:
        graph = graph_of(Document(schema))
    except Flawed:
        assert flaw(schema)
        return
    counted = schema_cost._Meter(graph).steps(graph.order[0], value)
    if counted.errors > 200_000:
        return
    validator, steps = counting(schema)
    validator.is_valid(value)
    assert steps[0] <= counted.valid
    steps[0] = 0
    list(validator.iter_errors(value))
    assert steps[0] <= counted.errors
    if not graph.back:
        size = schema_cost.size_of(value)
        assert steps[0] <= Cost(graph).expanded * size.parts
