"""Expressions of users: what they may say, and that nothing they say does harm."""

import contextlib
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
        ("a" * 1025, "at most 1024 bytes"),
    ],
)
def test_what_cannot_be_an_expression_is_told(expression: str, told: str) -> None:
    assert told in (flaw(expression) or "")
    with pytest.raises(ValueError, match=r"."):
        evaluate(expression, CONTEXT)


@pytest.mark.parametrize("expression", ["amount > 1", "arguments.iban == ''", "arguments.amount > 'x'", "1 / 0", "[1][5]"])
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
