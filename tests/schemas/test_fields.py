"""The field types: what each takes, what each says about the rest."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from aasim_core.errors import Problem
from aasim_core.schemas import fields

from .problems import code_of, problem_with

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


EVERY_FIELD = {
    "text": fields.Text(1, 10),
    "lines": fields.Text(0, 10, multiline=True),
    "secret": fields.Secret(),
    "integer": fields.Integer(1, 5),
    "unbounded": fields.Integer(),
    "number": fields.Number(0, 2),
    "boolean": fields.Boolean(),
    "choice": fields.Choice("active", "archived"),
    "instant": fields.Instant(),
    "date": fields.Date(),
    "id": fields.Id("agent"),
    "email": fields.Email(),
    "slug": fields.Slug(),
    "locale": fields.Locale(),
    "timezone": fields.Timezone(),
    "cidr": fields.Cidr(),
    "url": fields.Url(),
    "json": fields.Json(),
    "list": fields.ListOf(fields.Integer(), 3, min_items=1, unique=True),
}


@pytest.mark.long
@pytest.mark.parametrize("name", EVERY_FIELD)
@given(value=JSON)
def test_no_json_value_makes_a_field_raise_anything_but_problems(name: str, value: object) -> None:
    problem = problem_with(EVERY_FIELD[name], value)
    assert problem is None or problem.message.endswith((".", "?"))


@pytest.mark.parametrize("name", [name for name in EVERY_FIELD if name not in ("json", "list")])
@given(text=st.text(st.characters(codec=None), max_size=40))
def test_no_text_in_a_query_makes_a_field_raise_anything_but_problems(name: str, text: str) -> None:
    with contextlib.suppress(ValidationError):
        EVERY_FIELD[name].deserialize(EVERY_FIELD[name].read_text(text))


@pytest.mark.parametrize("value", [1.0, "1", True, False, None, "१", [1], {}])
def test_integer_takes_nothing_that_merely_resembles_one(value: object) -> None:
    assert code_of(fields.Integer(), value) == ("null_not_allowed" if value is None else "invalid_type")


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**40])
def test_integer_refuses_more_than_64_bits(value: int) -> None:
    assert code_of(fields.Integer(), value) == "out_of_range"


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 0])
def test_integer_takes_all_of_64_bits(value: int) -> None:
    assert fields.Integer().deserialize(value) == value


@pytest.mark.parametrize("text", ["1_0", "１", "٣", " 1", "1 ", "+1", "01", "1.0", "1e3", "", "0x1", "true"])
def test_integer_in_a_query_is_ascii_digits_only(text: str) -> None:
    with pytest.raises(ValidationError):
        fields.Integer().read_text(text)


@pytest.mark.parametrize("value", ["yes", "true", 1, 0, "on"])
def test_boolean_takes_nothing_that_merely_resembles_one(value: object) -> None:
    assert code_of(fields.Boolean(), value) == "invalid_type"


@pytest.mark.parametrize("text", ["True", "1", "yes", ""])
def test_boolean_in_a_query_is_true_or_false_only(text: str) -> None:
    with pytest.raises(ValidationError):
        fields.Boolean().read_text(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 3, 2.0001])
def test_number_refuses_what_is_out_of_range(value: float) -> None:
    assert code_of(fields.Number(0, 2), value) == "out_of_range"


@pytest.mark.parametrize("value", ["a\0b", "a\nb", "a\x7f", "\x85", "\ud800", "tab\t"])
def test_text_of_one_line_refuses_control_characters(value: str) -> None:
    assert code_of(fields.Text(), value) == "invalid_characters"


def test_text_of_many_lines_takes_line_breaks_and_tabs_and_no_other_control_character() -> None:
    field = fields.Text(multiline=True)
    assert field.deserialize("a\r\n\tb") == "a\r\n\tb"
    assert code_of(field, "a\x0b") == "invalid_characters"


def test_text_is_neither_stripped_nor_shortened() -> None:
    assert fields.Text().deserialize("  two  ") == "  two  "
    assert code_of(fields.Text(max_length=3), "four") == "too_long"


@pytest.mark.parametrize("value", ["", "   ", "\u3000"])
def test_text_that_must_be_there_needs_a_visible_character(value: str) -> None:
    assert code_of(fields.Text(1), value) == "too_short"


def test_choice_lists_what_to_write_and_not_what_was_sent() -> None:
    problem = problem_with(fields.Choice("active", "archived"), "s3cret")
    assert problem.code == "invalid_choice"
    assert problem.message == "Write one of active, archived."


def test_json_keeps_what_it_takes() -> None:
    value = {"a": [1, 2.5, None, True, {"b": "\n"}]}
    assert fields.Json().deserialize(value) is value


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([[[[]]]], "nesting_too_deep"),
        ({"a": 2**63}, "out_of_range"),
        ({"a": float("nan")}, "out_of_range"),
        ({"a": "\0"}, "invalid_characters"),
        ({"\ud800": 1}, "invalid_characters"),
        (["x" * 100], "too_long"),
    ],
)
def test_json_refuses_what_cannot_be_kept(value: object, code: str) -> None:
    assert code_of(fields.Json(max_depth=3, max_bytes=50), value) == code


def test_json_of_objects_only_refuses_a_list() -> None:
    assert code_of(fields.Json(object_only=True), []) == "invalid_type"


def test_list_counts_its_items_before_it_reads_them() -> None:
    field = fields.ListOf(fields.Integer(), 2, min_items=1)
    assert code_of(field, ["no", "numbers", "here"]) == "too_many_items"
    assert code_of(field, []) == "too_short"


def test_list_reports_each_wrong_item_under_its_index() -> None:
    with pytest.raises(ValidationError) as caught:
        fields.ListOf(fields.Integer()).deserialize([1, "x", 2, None])
    assert list(caught.value.messages) == [1, 3]


def test_list_stops_reporting_when_there_is_enough() -> None:
    with pytest.raises(ValidationError) as caught:
        fields.ListOf(fields.Integer(), 1000).deserialize(["x"] * 1000)
    assert len(caught.value.messages) == 20


def test_list_of_different_items_tells_true_from_one() -> None:
    field = fields.ListOf(fields.Json(), unique=True)
    assert field.deserialize([1, True, {"a": 1}]) == [1, True, {"a": 1}]
    assert code_of(field, [{"a": 1}, {"a": 1}]) == "not_unique"


def test_field_that_must_be_there_says_what_to_write() -> None:
    field = fields.Integer(1, 5, required=True)
    expected = Problem("required", "This field is required. Write a whole number from 1 to 5.")
    assert field.make_error("required").messages == [expected]


def test_null_is_for_fields_that_may_be_null() -> None:
    assert fields.Text(allow_none=True).deserialize(None) is None
    assert code_of(fields.Text(), None) == "null_not_allowed"


def test_description_and_example_go_into_the_reference() -> None:
    metadata = fields.Text(1, 5, description="A name.", example="Ada").metadata
    assert metadata == {"type": "string", "minLength": 1, "maxLength": 5, "description": "A name.", "examples": ["Ada"]}
