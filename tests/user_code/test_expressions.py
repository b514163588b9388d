"""Expressions of users: what they may say, and that nothing they say does harm."""

import contextlib
import operator
import random
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.user_code.expressions import LONGEST, MOST_STEPS, evaluate, flaw, steps

from .cel_bombs import BOMBS, ENDS, LOOPS, RUN, SAVED, random_bomb, random_loop
from .cel_tree import Tree

CONTEXT = {"arguments": {"amount": 120, "to": "ada@example.com", "tags": ["a", "b"]}, "effect": "pay"}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("arguments.amount > 100", True),
        ("effect == 'pay' && arguments.to.endsWith('@example.com')", True),
        ("'c' in arguments.tags", False),
        ("size(arguments.tags) == 2", True),
        ("has(arguments.iban)", False),
        ("arguments.amount / 2", 60),
    ],
)
def test_an_expression_has_a_value(expression: str, value: Any) -> None:
    assert flaw(expression, CONTEXT) is None
    assert evaluate(expression, CONTEXT) == value


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("1 +", "This is not an expression"),
        ("", "This is not an expression"),
        ("arguments.tags.map(x, x)", "cannot go through a list with map()"),
        ("arguments.tags.exists // all of them\n (x, true)", "cannot go through a list with exists()"),
        ("arguments.tags.existsOne(x, true)", "cannot go through a list with existsOne()"),
        ("effect.matches('(a+)+$')", "cannot use matches()"),
        ("matches(effect, 'a')", "cannot use matches()"),
        ("effect.contains(other)", "There is no other here; an expression can use arguments, effect."),
        ("timestamp('2026-01-01T00:00:00Z').getHours('/dev/stdin')", "cannot use getHours() with a time zone"),
        ("-false", "The types of this expression do not fit at line 1, column 1"),
        ("true ? 1 : 'x'", "The types of this expression do not fit at line 1, column 6"),
        ("(" * 33 + "1" + ")" * 33, "nested at most 32 deep"),
        ("1+" * 40 + "1", "nested at most 32 deep"),
        ("a" * 1025, "at most 1024 bytes"),
        ("é" * 513, "at most 1024 bytes"),
    ],
)
def test_what_cannot_be_an_expression_is_told(expression: str, told: str) -> None:
    assert told in (flaw(expression, CONTEXT) or "")
    with pytest.raises(ValueError, match=r"."):
        evaluate(expression, CONTEXT)


def test_variables_that_are_not_there_can_be_told_before_anything_runs() -> None:
    assert flaw("arguments.amount > most", CONTEXT) == "There is no most here; an expression can use arguments, effect."
    assert flaw("arguments.amount > 1", CONTEXT) is None


@pytest.mark.parametrize(
    "expression",
    [
        "arguments.iban == ''",
        "arguments.amount > 'x'",
        "1 / 0",
        "[1][5]",
        "1.0 / 0.0",
        "duration('1h')",
        "[timestamp('2026-01-01T00:00:00Z')]",
        "{1: 2}",
    ],
)
def test_an_expression_without_a_value_is_told(expression: str) -> None:
    assert flaw(expression, CONTEXT) is None
    with pytest.raises(ValueError, match="has no value here"):
        evaluate(expression, CONTEXT)


def outcome(expression: str, values: dict[str, Any], *, loops: bool = False) -> str:
    """What becomes of an expression: one of three outcomes, or what it takes, where that is more than was counted."""
    if flaw(expression, values, loops=loops):
        return SAVED
    counted = steps(expression, values, loops=loops)
    if any(map(operator.gt, counted, MOST_STEPS)):
        with pytest.raises(ValueError, match=r"too large for an expression that names them so often|more than 10000 items"):
            evaluate(expression, values, loops=loops)
        return RUN
    with contextlib.suppress(ValueError):
        evaluate(expression, values, loops=loops)
    tree = Tree(expression, values, loops=loops)
    is_bounded = len(tree.parts) <= LONGEST and not any(map(operator.gt, tree.steps(), counted))
    return ENDS if is_bounded else f"{expression} has {len(tree.parts)} parts and takes {tree.steps()}, not {counted}"


@given(expression=st.text(st.sampled_from("arguments.effect'\"()[]{}<>=!&|?:+-*/%0159 ,"), max_size=60))
def test_no_text_raises_anything_else_or_takes_more_steps_than_counted(expression: str) -> None:
    assert outcome(expression, CONTEXT) in (SAVED, ENDS)


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_or_takes_no_more_steps_than_counted(bomb: str) -> None:
    expression, values, expected = BOMBS[bomb]
    assert outcome(expression, values) == expected


@pytest.mark.parametrize("seed", [*range(40), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(40, 1000))])
def test_no_expression_takes_more_steps_than_counted(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - it plays dice
    assert outcome(*random_bomb(dice)) in (SAVED, RUN, ENDS), f"seed {seed}"


@pytest.mark.parametrize("bomb", LOOPS)
def test_a_bomb_that_goes_through_lists_is_refused_or_takes_no_more_steps_than_counted(bomb: str) -> None:
    expression, values, expected = LOOPS[bomb]
    assert outcome(expression, values, loops=True) == expected
    assert expected != ENDS or bomb == "a macro in a text" or flaw(expression, values)


@pytest.mark.parametrize("seed", [*range(60), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(60, 1500))])
def test_no_expression_that_goes_through_lists_takes_more_steps_than_counted(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - it plays dice
    assert outcome(*random_loop(dice), loops=True) in (SAVED, RUN, ENDS), f"seed {seed}"


@pytest.mark.long
def test_random_loops_have_every_outcome_and_what_they_read_is_told() -> None:
    dice = random.Random(0)  # noqa: S311 - it plays dice
    assert {outcome(*random_loop(dice), loops=True) for _ in range(60)} == {SAVED, RUN, ENDS}


@pytest.mark.long
def test_random_bombs_have_every_outcome() -> None:
    dice = random.Random(0)  # noqa: S311 - it plays dice
    assert {outcome(*random_bomb(dice)) for _ in range(40)} == {SAVED, RUN, ENDS}


def test_a_long_text_can_be_searched_for_a_literal_and_a_short_one_for_another() -> None:
    assert evaluate("s.contains('b')", {"s": "a" * 1_000_000}) is False
    assert evaluate("s.contains(t)", {"s": "a" * 10_000, "t": "b"}) is False


def test_values_nested_deeper_than_json_goes_are_refused() -> None:
    value: Any = 1
    for _ in range(1000):
        value = [value]
    with pytest.raises(ValueError, match="no JSON that an expression can read"):
        evaluate("a == a", {"a": value})


def test_a_macro_in_a_text_is_only_text() -> None:
    assert evaluate("'.map(' + effect", CONTEXT) == ".map(pay"


def test_values_too_large_for_how_often_they_are_named_are_refused() -> None:
    with pytest.raises(ValueError, match="too large for an expression that names them so often"):
        evaluate("+".join("s" * 30), {"s": "x" * 100_000})


@pytest.mark.parametrize(
    "expression", ["a[" * 32 + "0" + "]" * 32, "!" * 1000 + "a", "a" + ".b" * 500, "a?" * 300 + "1" + ":1" * 300]
)
def test_the_deepest_expressions_fit_into_a_small_stack(expression: str) -> None:
    found: list[str | None] = []
    before = threading.stack_size(1024 * 1024)
    try:
        thread = threading.Thread(target=lambda: found.append(flaw(expression, ["a"])))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert len(found) == 1
