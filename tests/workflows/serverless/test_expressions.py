"""Expressions of jq as expressions of CEL: they have the value that jq says, or are not translated."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.user_code import expressions
from aasim_plugins.workflows.serverless import values
from aasim_plugins.workflows.serverless.jq import LONGEST, Names, translated
from aasim_plugins.workflows.serverless.terms import NULL, NotTranslated, path

_NAMES = Names(path("input"), {"color": path("vars"), "context": NULL})


def value(expression: str, data: Any) -> Any:
    return expressions.evaluate(translated(expression, _NAMES).value, {"input": data, "vars": "red"})


@pytest.mark.parametrize(
    ("expression", "data", "expected"),
    [
        (".", [1], [1]),
        (".a.b", {"a": {"b": 2}}, 2),
        (".a.b", {"a": {}}, None),
        (".a.b", {"a": None}, None),
        (".a.b", None, None),
        ('."a b"', {"a b": 1}, 1),
        ('.["a b"].in', {"a b": {"in": 1}}, 1),
        (".[1]", [5, 6], 6),
        (".[0].id", [], None),
        (".a[0]", {}, None),
        ("$color", None, "red"),
        ("$context.order", None, None),
        (".a == 1", {"a": 1.0}, True),
        (".a != null", {}, False),
        (".a > 5", {}, False),
        (".a < 5", {}, True),
        (".a <= .b", {}, True),
        (".a < .b", {}, False),
        (".a >= .b", {"a": 1}, True),
        ("1 < null", None, False),
        ("null <= 1", None, True),
        (".a and .b", {"a": 0, "b": ""}, True),
        (".a or false", {"a": False}, False),
        (".a | not", {"a": None}, True),
        ('.a // "none"', {"a": False}, "none"),
        ('.a // "none"', {"a": 0}, 0),
        (".a + .b", {"a": 1, "b": 2}, 3),
        (".a + .b", {"b": 2}, 2),
        (".a + .b", {}, None),
        ('.a + ["x"]', None, ["x"]),
        ('["x"] + .a', {"a": ["y"]}, ["x", "y"]),
        ("1 + 2 * 3 - 4", None, 3),
        ("(1 + 2) * -3", None, -9),
        (". | length", [1, 2], 2),
        (".a | length", {}, 0),
        (".a | .b", {"a": {"b": 1}}, 1),
        ('"\\(.n) of \\(.all) \\"x\\" \\u00e9"', {"n": 1}, '1 of null "x" é'),
        ('"\\("a" + "\\("b")")"', None, "ab"),
        ("{a, $color, \"b c\": (.a + 1), d: [.a, .e]}", {"a": 1}, {"a": 1, "color": "red", "b c": 2, "d": [1, None]}),
        ("[]", None, []),
        ("{}", None, {}),
    ],
)  # fmt: skip
def test_it_has_the_value_that_jq_says(expression: str, data: Any, expected: Any) -> None:
    assert value(expression, data) == expected


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (".a[]", "no iteration or slice"),
        (".[1:2]", "is not translated"),
        ("map(.a)", "map is not translated, at character 3"),
        (".a |= 1", "|= is not translated at character 5"),
        (".a?", "? is not translated"),
        ("..", "is not translated"),
        ("1 / 2", "/ is not translated"),
        ("$secrets.key", "$secrets is not known here"),
        ("if .a then 1 else 2 end", "if is not translated"),
        ("", "It ends too early"),
        ('"a', "A text does not end"),
        ('"\\ud800"', "half a character"),
        ("(" * 30 + ".", "nested deeper than 24"),
        ('{"a":' * 600 + "1" + "}" * 600, "nested deeper than 24"),
        ("//".join("." * 1_300), "too long an expression"),
        ("." + "a" * LONGEST, f"longer than {LONGEST} characters"),
        (" + ".join([".abcdefgh"] * 40), "too long an expression"),
        ("env.HOME", "env is not translated"),
        ('input("x")', "input is not translated"),
    ],
)
def test_what_is_not_simple_is_not_translated(expression: str, reason: str) -> None:
    with pytest.raises(NotTranslated, match=r".") as caught:
        translated(expression, _NAMES)
    assert reason in str(caught.value)


_WORDS = st.sampled_from(
    [
        ".",
        ".a",
        "$color",
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        '"',
        "\\(",
        "|",
        "+",
        "-",
        "//",
        "==",
        "<",
        "and",
        "not",
        "length",
        "1",
        "٣",
        "a:",
        " ",
        ",",
    ]
)


@given(st.lists(_WORDS, max_size=12).map("".join))
def test_whatever_is_written_can_be_compiled_or_is_told(text: str) -> None:
    for read in (values.expression, values.condition):
        with suppress(NotTranslated):
            assert expressions.flaw(read(text, _NAMES), ("input", "vars")) is None
