"""Values with expressions in them: filled with their types, with every flaw named, and bounded."""

from typing import Any

import pytest

from aasim_core.user_code import values

CONTEXT = {"input": {"id": 7, "name": "Ada", "items": [{"sku": "a"}], "none": None}}


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("{{ input.id }}", 7),
        ("  {{ input.id }}", "  7"),
        ("Order {{ input.id }} of {{ input.name }}", "Order 7 of Ada"),
        ("{{ input.items }}", [{"sku": "a"}]),
        ("All: {{ input.items }}", 'All: [{"sku":"a"}]'),
        ({"a": ["{{ input.id }}", 1, None]}, {"a": [7, 1, None]}),
        ('{{ {"id": {"of": input.id}} }}', {"id": {"of": 7}}),
        ("{{ '}}' + input.name }}", "}}Ada"),
        ("no place, but } and { and }}", "no place, but } and { and }}"),
        ("{{ has(input.absent) ? input.absent : 'x' }}", "x"),
        ("{{ input.none }}", None),
    ],
)
def test_a_value_is_filled(value: Any, filled: Any) -> None:
    assert values.fill(value, CONTEXT) == filled


def test_what_has_no_value_is_named_with_its_place() -> None:
    with pytest.raises(values.NoValue, match=r"input\.absent") as error:
        values.fill({"a": [{"b": "{{ input.absent }}"}]}, CONTEXT)
    assert error.value.place.path == ".a[0].b"


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        ({"a": "{{ output.id }}"}, (".a", "There is no output")),
        ("{{ input. }}", ("", "This is not an expression; look")),
        ("{{ input.id", ("", "A {{ has no }}; write both, or neither.")),
        ("{{ 'a }}", ("", "A {{ has no }}; write both, or neither.")),
    ],
)
def test_a_flaw_is_named_with_its_place(value: Any, flaw: tuple[str, str]) -> None:
    [(path, reason)] = values.flaws(value, ["input"])
    assert (path, reason[: len(flaw[1])]) == flaw


def test_there_are_so_many_expressions_at_most() -> None:
    many = ["{{ input.id }}"] * (values.MOST_PLACES + 1)
    assert "201 expressions" in next(values.flaws(many, ["input"]))[1]


def test_what_is_filled_in_is_bounded() -> None:
    long = {"input": "x" * 200_000}
    with pytest.raises(values.TooLarge):
        values.fill("{{ input }}{{ input }}", long)
    with pytest.raises(values.TooLarge):
        values.fill(["{{ input }}", "{{ input }}"], long)
