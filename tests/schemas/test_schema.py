"""Schemas: unknown fields, paths, partial loads, and merge-patch."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.errors import Invalid, Refused
from aasim_core.schemas.fields import Id, Integer, Json, ListOf, Number, Object, Text
from aasim_core.schemas.json_values import NO_BODY
from aasim_core.schemas.schema import NOTHING, Schema, load, merge_patch, merged


class ParametersIn(Schema):
    temperature = Number(0, 2, required=True)
    seed = Integer(allow_none=True)


class StepIn(Schema):
    name = Text(1, 10, required=True)


class AgentIn(Schema):
    name = Text(1, 20, required=True)
    description = Text(0, 100, load_default="")
    engine_id = Id("engine")
    parameters = Object(ParametersIn, load_default=None)
    steps = ListOf(Object(StepIn), 10)
    labels = Json(object_only=True)


AGENT_IN = AgentIn()

KEYS = st.sampled_from(["name", "steps", "parameters", "temperature", "labels", "_schema"]) | st.text(max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


def codes(schema: Schema, value: object, *, partial: bool = False) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        load(schema, value, partial=partial)
    return {path: problems[0].code for path, problems in caught.value.problems.items()}


def test_load_fills_in_the_defaults_of_absent_fields() -> None:
    assert load(AGENT_IN, {"name": "Ada"}) == {"name": "Ada", "description": "", "parameters": None}


def test_load_reports_everything_that_is_wrong_by_its_path() -> None:
    value = {"steps": [{"name": "ok"}, 5, {"nam": "x"}], "parameters": {"temperature": "hot"}, "labels": {"a": ["\0"]}}
    assert codes(AGENT_IN, value) == {
        "name": "required",
        "steps[1]": "invalid_type",
        "steps[2].name": "required",
        "steps[2].nam": "unknown_field",
        "parameters.temperature": "invalid_type",
        "labels.a[0]": "invalid_characters",
    }


def test_unknown_field_names_the_nearest_one() -> None:
    with pytest.raises(Invalid) as caught:
        load(AGENT_IN, {"name": "Ada", "discription": ""})
    assert caught.value.problems["discription"][0].message == 'There is no field "discription". Did you mean "description"?'


def test_unknown_fields_are_reported_up_to_a_number_and_cut_to_a_length() -> None:
    with pytest.raises(Invalid) as caught:
        load(AGENT_IN, {"name": "Ada", "x" * 5000: 1, **{f"y{n}": 1 for n in range(1000)}})
    assert len(caught.value.problems) == 20
    assert max(map(len, caught.value.problems)) < 100


def test_wrong_values_are_never_repeated() -> None:
    with pytest.raises(Invalid) as caught:
        load(AGENT_IN, {"name": "s3cret" * 5, "engine_id": "s3cret", "parameters": "s3cret", "steps": ["s3cret"]})
    assert len(caught.value.problems) == 4
    assert "s3cret" not in str([problems[0].message for problems in caught.value.problems.values()])


@pytest.mark.parametrize("value", [None, [], "text", 1, True])
def test_load_takes_objects_only(value: object) -> None:
    assert codes(AGENT_IN, value) == {"_": "invalid_type"}


def test_no_body_is_an_empty_object_where_nothing_is_required() -> None:
    assert load(NOTHING, NO_BODY) == {}
    assert load(NOTHING, {}) == {}


def test_no_body_is_refused_with_what_to_send_where_something_is_required() -> None:
    with pytest.raises(Refused, match="Send a JSON object with name") as caught:
        load(AGENT_IN, NO_BODY)
    assert caught.value.code == "malformed_json"


def test_operation_without_a_body_refuses_fields() -> None:
    assert codes(NOTHING, {"reason": "x"}) == {"reason": "unknown_field"}


def test_partial_load_leaves_absent_fields_absent_but_not_in_the_items_of_lists() -> None:
    assert load(AGENT_IN, {"parameters": {"seed": None}}, partial=True) == {"parameters": {"seed": None}}
    assert codes(AGENT_IN, {"steps": [{}]}, partial=True) == {"steps[0].name": "required"}


def test_a_patch_of_an_object_within_is_judged_as_the_whole_that_it_makes() -> None:
    with pytest.raises(Invalid) as caught:
        merged(AGENT_IN, load(AGENT_IN, {"parameters": {"seed": 1}}, partial=True), None)
    assert list(caught.value.problems) == ["parameters.temperature"]


def test_partial_load_clears_with_null_only_what_may_be_null() -> None:
    assert load(AGENT_IN, {"parameters": None}, partial=True) == {"parameters": None}
    assert codes(AGENT_IN, {"description": None}, partial=True) == {"description": "null_not_allowed"}


@pytest.mark.long
@given(value=JSON)
def test_no_json_value_makes_load_raise_anything_but_a_refusal(value: object) -> None:
    for schema, partial in ((AGENT_IN, False), (AGENT_IN, True), (NOTHING, False)):
        with contextlib.suppress(Refused):
            load(schema, value, partial=partial)


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_does_what_rfc_7396_shows(target: object, patch: object, merged: object) -> None:
    assert merge_patch(target, patch) == merged
