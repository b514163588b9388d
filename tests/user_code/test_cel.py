"""CEL against the cases of its specification: an expression has the value that it says, or is refused, and never has another one."""

import json
from pathlib import Path
from typing import Any

import pytest

from aasim_core.user_code.cel_loops import MACROS
from aasim_core.user_code.expressions import evaluate

_HERE = Path(__file__).parent / "cel"
RIGHT, REFUSED = "right", "refused"


def _cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (_HERE / "cases.jsonl").read_text(encoding="utf-8").splitlines()]


def _expected_refusals() -> set[str]:
    """The cases that are refused; they are listed under the reasons why, which begin with #. The list only shrinks."""
    lines = (_HERE / "refused.txt").read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def _outcome(case: dict[str, Any], *, loops: bool = False) -> str:
    """`right`, `refused`, or what is wrong; `is` is the value as a CEL literal, and a case without one has no value."""
    expression, values, wanted = case["expr"], case.get("with", {}), case.get("is")
    if wanted is None:
        # What is no JSON value would be refused, too, so only its place in a list is looked at.
        found = _value(f"size([{expression}\n])", values, loops)
        return RIGHT if isinstance(found, ValueError) else "has a value"
    same = _value(f"[{expression}\n] == [{wanted}]", values, loops)
    if isinstance(same, ValueError):
        return REFUSED
    if _value(f"type({expression}\n) == type({wanted})", values, loops) is False:
        return f"is of another type than {wanted}"
    is_nan = wanted == 'double("NaN")' and not _value(f"[{expression}\n] == [{expression}\n]", values, loops)
    return RIGHT if same is True or is_nan else f"is not {wanted}"


def _value(expression: str, values: dict[str, Any], loops: bool = False) -> Any:
    try:
        return evaluate(expression, values, loops=loops)
    except ValueError as error:
        return error


@pytest.mark.long
def test_no_expression_has_another_value_than_the_specification_says() -> None:
    outcomes = {case["case"]: _outcome(case) for case in _cases()}
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in (RIGHT, REFUSED)} == {}
    assert {name for name, outcome in outcomes.items() if outcome == REFUSED} == _expected_refusals()


@pytest.mark.long
def test_what_may_go_through_lists_has_the_value_that_the_specification_says() -> None:
    outcomes = {case["case"]: _outcome(case, loops=True) for case in _cases()}
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in (RIGHT, REFUSED)} == {}
    loops = {name for name in outcomes if name.startswith(tuple(f"macros/{macro}/" for macro in MACROS))}
    assert {name for name in loops if outcomes[name] == REFUSED} == set()
    assert len(loops) == 33
    assert {name for name, outcome in outcomes.items() if outcome == REFUSED} == _expected_refusals() - loops


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("size('\u00ff')", 1),
        ("size('\U0001f600')", 1),
        ("dyn({'a': 1}) == {'a': 1.0}", True),
        ("string(b'abc')", "abc"),
        ("string(duration('1h'))", "3600s"),
        ("string(timestamp('2026-01-01T00:00:00Z'))", "2026-01-01T00:00:00Z"),
        ("true || 1 / 0 > 0", True),
    ],
)
def test_values_are_those_of_the_specification(expression: str, value: Any) -> None:
    assert evaluate(expression, {}) == value


@pytest.mark.parametrize(
    "expression",
    [
        "-false",
        "-(-9223372036854775807 - 1)",
        "9223372036854775807 + 1",
        r"string(b'\xff')",
        "{0: 1, 0u: 2}[0.0]",
        "timestamp('0000-01-01T00:00:00Z')",
        "duration('320000000000s')",
    ],
)
def test_what_has_no_value_in_the_specification_has_none(expression: str) -> None:
    with pytest.raises(ValueError, match=r"do not fit|no value here|a map and unsigned numbers"):
        evaluate(expression, {})
