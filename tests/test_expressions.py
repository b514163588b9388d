"""Expressions of users: what they may say, and that nothing they say does harm."""

import contextlib
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.expressions import evaluate, flaw

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
    assert flaw(expression) is None
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
        ("(" * 33 + "1" + ")" * 33, "nested at most 32 deep"),
        ("a" * 1025, "at most 1024 bytes"),
        ("é" * 513, "at most 1024 bytes"),
    ],
)
def test_what_cannot_be_an_expression_is_told(expression: str, told: str) -> None:
    assert told in (flaw(expression) or "")
    with pytest.raises(ValueError, match=r"."):
        evaluate(expression, CONTEXT)


def test_variables_that_are_not_there_can_be_told_before_anything_runs() -> None:
    assert flaw("arguments.amount > most", CONTEXT) == "There is no most here; an expression can use arguments, effect."
    assert flaw("arguments.amount > 1", CONTEXT) is None


@pytest.mark.parametrize(
    "expression",
    [
        "amount > 1",
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
    assert flaw(expression) is None
    with pytest.raises(ValueError, match="has no value here"):
        evaluate(expression, CONTEXT)


@given(expression=st.text(st.sampled_from("arguments.effect'\"()[]{}<>=!&|?:+-*/%0159 ,"), max_size=60))
def test_no_text_raises_anything_else(expression: str) -> None:
    with contextlib.suppress(ValueError):
        evaluate(expression, CONTEXT)


@pytest.mark.parametrize(
    "expression", ["(" * 1000, "[" * 500 + "]" * 500, "!" * 1000 + "true", "1" + "+1" * 500, "a?b:" * 255, "-" * 1023]
)
def test_hostile_expressions_end_soon(expression: str) -> None:
    began = time.thread_time()
    with contextlib.suppress(ValueError):
        evaluate(expression, CONTEXT)
    assert time.thread_time() - began < 1


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("+".join("s" * 500), {"s": "x" * 64_000}),
        ("[" + ",".join("s" * 480) + "]", {"s": [1] * 30_000}),
        ("s + s + s + s + s + s + s + s", {"s": "x" * 1_000_000}),
        (" && ".join(["s == s"] * 60), {"s": [1] * 1_000}),
        ("s.contains('b') || s == t || t in [s]", {"s": "a" * 1_000_000, "t": "a" * 1_000_000}),
    ],
)
def test_large_values_are_read_soon_or_refused(expression: str, values: dict[str, Any]) -> None:
    began = time.thread_time()
    with contextlib.suppress(ValueError):
        evaluate(expression, values)
    assert time.thread_time() - began < 3


def test_values_too_large_for_how_often_they_are_named_are_refused() -> None:
    with pytest.raises(ValueError, match="too large for an expression that names them so often"):
        evaluate("+".join("s" * 100), {"s": "x" * 10_000})


@pytest.mark.parametrize(
    "expression", ["a[" * 32 + "0" + "]" * 32, "!" * 1000 + "a", "a" + ".b" * 500, "a?" * 300 + "1" + ":1" * 300]
)
def test_the_deepest_expressions_fit_into_a_small_stack(expression: str) -> None:
    found: list[str | None] = []
    before = threading.stack_size(1024 * 1024)
    try:
        thread = threading.Thread(target=lambda: found.append(flaw(expression)))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert len(found) == 1
