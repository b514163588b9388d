"""The canonical form of actions, their hashes, and edits of them."""

import json
import math
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.errors import Invalid
from aasim_plugins.hitl_approvals.decisions.actions import canonical, edited, hash_of

#: JSON values; whole numbers as the API takes them.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


# From RFC 8785, appendix B.
@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (5e-324, "5e-324"), (-5e-324, "-5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"), (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"), (1e23, "1e+23"), (1.0000000000000001e23, "1.0000000000000001e+23"),
        (999999999999999700000.0, "999999999999999700000"), (1e21, "1e+21"), (9.999999999999997e-7, "9.999999999999997e-7"),
        (0.000001, "0.000001"), (333333333.33333325, "333333333.33333325"), (-0.0000033333333333333333, "-0.0000033333333333333333"),
        (1.0, "1"), (4.50, "4.5"), (2e-3, "0.002"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_the_standard_writes_them(number: float, text: str) -> None:
    assert canonical(number) == text


def test_the_example_of_the_standard_has_its_canonical_form() -> None:
    # From RFC 8785, section 3.2.2 and 3.2.3.
    given_ = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f",
        "literals": [None, True, False],
    }
    assert canonical(given_) == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_names_are_sorted_by_their_utf_16_code_units() -> None:
    # From RFC 8785, section 3.2.3.
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(json.loads(canonical(dict.fromkeys(names)))) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_a_hash_is_that_of_the_canonical_text() -> None:
    assert hash_of({"b": 1, "a": [1.0]}) == sha256(b'{"a":[1],"b":1}').hexdigest()


def test_whole_numbers_that_differ_beyond_the_precision_of_doubles_have_different_hashes() -> None:
    assert hash_of(9007199254740993) != hash_of(9007199254740992)


@pytest.mark.long
@given(VALUES)
def test_the_canonical_form_means_the_same_value_and_is_its_own(value: Any) -> None:
    again = json.loads(canonical(value))
    assert _equal(again, value)
    assert canonical(again) == canonical(value)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, float) and not isinstance(one, bool):
        return math.isclose(one, other, rel_tol=0, abs_tol=0)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)
    return bool(one == other)


@pytest.mark.long
@given(VALUES, VALUES)
def test_values_with_one_hash_are_equal(one: Any, other: Any) -> None:
    if hash_of(one) == hash_of(other):
        assert _equal(json.loads(canonical(one)), json.loads(canonical(other)))


ACTION = {"amount": 5, "to": {"name": "Grace", "a/b": 1, "m~n": 2}, "items": [1, 2]}


@pytest.mark.parametrize(
    ("pointer", "value", "result"),
    [
        ("/amount", 6, {**ACTION, "amount": 6}),
        ("/to/name", "Ada", {**ACTION, "to": {**ACTION["to"], "name": "Ada"}}),
        ("/to/a~1b", 3, {**ACTION, "to": {**ACTION["to"], "a/b": 3}}),
        ("/to/m~0n", 3, {**ACTION, "to": {**ACTION["to"], "m~n": 3}}),
        ("/to/new", True, {**ACTION, "to": {**ACTION["to"], "new": True}}),
        ("/items/1", 3, {**ACTION, "items": [1, 3]}),
        ("", "all", "all"),
    ],
)  # fmt: skip
def test_an_edit_replaces_the_value_at_a_pointer(pointer: str, value: Any, result: Any) -> None:
    assert edited(ACTION, {pointer: value}, [pointer]) == result


@pytest.mark.parametrize("pointer", ["/none/x", "/items/2", "/items/-", "/items/01", "/items/x", "/amount/x"])
def test_an_edit_of_a_place_that_is_not_there_is_refused_by_its_name(pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        edited(ACTION, {pointer: 1}, ["/none", "/items", "/amount"])
    [(field, [problem])] = refused.value.problems.items()
    assert (field, problem.code, problem.meta) == (f"edits.{pointer}", "invalid_reference", {"pointer": pointer})


@pytest.mark.parametrize("pointer", ["", "/to", "/amounts", "/items/0", "amount"])
def test_only_what_is_editable_and_what_is_below_it_can_be_edited(pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        edited(ACTION, {pointer: 1}, ["/amount", "/to/name"])
    assert refused.value.problems[f"edits.{pointer}"][0].code == "invalid_choice"


@pytest.mark.long
@given(VALUES, VALUES)
def test_an_edit_changes_a_copy_only(action: Any, value: Any) -> None:
    before = canonical(action)
    edited({"action": action}, {"/action": value}, ["/action"])
    assert canonical(action) == before
