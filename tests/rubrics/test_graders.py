"""The bundled graders: what each gives for what, what their parameters may be, and that no input takes long."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aasim_core.user_code import json_schema
from aasim_plugins.rubrics.graders.grading import Case, Grade
from aasim_plugins.rubrics.service import BUNDLED

GRADERS = {grader.name: grader for grader in BUNDLED}
_ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _grade(name: str, output: Any, /, expected: Any = None, **parameters: Any) -> Grade:
    grader = GRADERS[name]
    assert not json_schema.violations(grader.parameters, parameters) and grader.flaw(parameters) is None
    return grader.grade(Case("Do it.", output, parameters, expected, expected is not None))


@pytest.mark.parametrize(
    ("name", "output", "parameters", "score"),
    [
        ("exact", "Paris", {"value": "Paris"}, 1.0),
        ("exact", " paris\n", {"value": "Paris", "ignore_case": True}, 1.0),
        ("exact", "paris", {"value": "Paris"}, 0.0),
        ("exact", {"a": [1]}, {"value": {"a": [1]}}, 1.0),
        ("exact", '{"city": "Paris"}', {"value": "Paris", "at": "/city"}, 1.0),
        ("contains", "alpha and beta", {"values": ["alpha", "beta"]}, 1.0),
        ("contains", "alpha", {"values": ["alpha", "beta"]}, 0.5),
        ("contains", "ALPHA", {"values": ["alpha", "beta"], "match": "any", "ignore_case": True}, 1.0),
        ("contains", "gamma", {"values": ["alpha", "beta"], "match": "any"}, 0.0),
        ("not_contains", "fine", {"values": ["damn"]}, 1.0),
        ("not_contains", "Damn", {"values": ["damn"], "ignore_case": True}, 0.0),
        ("not_contains", {"a": [{"b": 'so "bad"'}]}, {"values": ['"bad"']}, 0.0),
        ("not_contains", {"one\ntwo": 1}, {"values": ["one\ntwo"]}, 0.0),
        ("not_contains", ["one", "two"], {"values": ["onetwo"]}, 1.0),
        ("contains", {"a": "one\ntwo"}, {"values": ["one\ntwo", '"a":']}, 1.0),
        ("regex", "on 2026-11-25", {"pattern": r"\d{4}-\d\d-\d\d"}, 1.0),
        ("regex", "soon", {"pattern": r"\d{4}-\d\d-\d\d"}, 0.0),
        ("regex", "call 555", {"pattern": r"\d", "unwanted": True}, 0.0),
        ("regex", "HELLO", {"pattern": "hello", "ignore_case": True}, 1.0),
        ("json_schema", '{"a": 1}', {"schema": {"required": ["a"]}}, 1.0),
        ("json_schema", {"b": 1}, {"schema": {"required": ["a"]}}, 0.0),
        ("json_schema", "no JSON", {"schema": {"type": "object"}}, 0.0),
        ("numeric_range", "42", {"min": 40, "max": 50}, 1.0),
        ("numeric_range", 39.5, {"min": 40}, 0.0),
        ("numeric_range", {"total": 7}, {"max": 10, "at": "/total"}, 1.0),
        ("numeric_range", True, {"max": 10}, 0.0),
        ("numeric_range", "NaN", {"max": 10}, 0.0),
        ("length", "one two three", {"max": 3, "unit": "words"}, 1.0),
        ("length", "one two three", {"max": 10}, 0.0),
        ("length", "", {"min": 1}, 0.0),
        ("exact", {"a": [True]}, {"value": {"a": [1]}}, 0.0),
        ("numeric_range", "1_0", {"min": 1}, 0.0),
        ("numeric_range", "\u0663", {"min": 1}, 0.0),
        ("numeric_range", " -1.5e1 ", {"min": -15, "max": -15}, 1.0),
        ("similarity", "kitten", {"value": "kitten"}, 1.0),
        ("similarity", "b a", {"value": "a b", "by": "words"}, 1.0),
        ("expression", {"total": 3}, {"expression": "output.total > 2"}, 1.0),
        ("expression", '{"total": 1}', {"expression": "output.total > 2"}, 0.0),
        ("expression", "yes", {"expression": "0.25"}, 0.25),
    ],
)
def test_a_grader_scores(name: str, output: Any, parameters: dict[str, Any], score: float) -> None:
    assert _grade(name, output, **parameters).score == score


@pytest.mark.parametrize("name", ["exact", "similarity"])
def test_what_is_expected_of_the_case_counts_where_the_criterion_names_nothing(name: str) -> None:
    assert _grade(name, "Paris", "Paris").score == 1.0
    assert _grade(name, "Paris").score is None
    assert "nothing to compare with" in _grade(name, "Paris").reason


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("output.total > 2", "no value here"),
        ("'text'", "neither true, false nor a number"),
        ("7", "neither true, false nor a number"),
    ],
)
def test_an_expression_without_a_score_abstains(expression: str, says: str) -> None:
    grade = _grade("expression", {}, expression=expression)
    assert grade.score is None and says in grade.reason


def test_a_schema_that_takes_too_many_steps_for_an_output_abstains() -> None:
    output: Any = 1
    for _ in range(30):
        output = {"a": output}
    grade = _grade("json_schema", output, schema={"allOf": [{"properties": {"a": {"$ref": "#"}}}] * 2})
    assert (grade.score, grade.reason) == (None, "The schema takes too many steps for this output; simplify it.")


def test_a_part_that_is_not_there_is_no_good() -> None:
    grade = _grade("length", {"a": ["x"]}, max=3, at="/a/1")
    assert (grade.score, grade.reason) == (0.0, "The output has nothing at /a/1.")


@pytest.mark.parametrize(
    ("name", "parameters", "place"),
    [
        ("regex", {"pattern": "(a"}, "pattern"),
        ("regex", {"pattern": r"(a)\1"}, "pattern"),
        ("regex", {"pattern": f"[{''.join(map(chr, range(0xC0, 0x3A0, 3)))}]{{1000}}" * 2, "ignore_case": True}, "pattern"),
        ("json_schema", {"schema": {"type": "nothing"}}, "schema"),
        ("expression", {"expression": "output >"}, "expression"),
        ("expression", {"expression": "answer == 1"}, "expression"),
        ("length", {}, "min"),
        ("numeric_range", {"min": 2, "max": 1}, "max"),
    ],
)
def test_what_the_schema_of_parameters_cannot_see_is_told(name: str, parameters: dict[str, Any], place: str) -> None:
    flaw = GRADERS[name].flaw(parameters)
    assert flaw is not None and flaw[0] == place


@pytest.mark.parametrize(
    ("name", "output", "parameters"),
    [
        ("similarity", "ab" * 10_000, {"value": "ba" * 5_000}),
        ("similarity", "ab" * 500_000, {"value": "ba" * 5_000}),
        ("contains", "a" * 1_000_000, {"values": ["a" * 5_000 + "b"] * 50}),
    ],
)
def test_no_output_takes_a_grader_long(name: str, output: str, parameters: dict[str, Any]) -> None:
    began = time.thread_time()
    _grade(name, output, **parameters)
    assert time.thread_time() - began < 3


@pytest.mark.long
@given(_ANY_JSON, _ANY_JSON)
@settings(max_examples=60, deadline=None)
def test_every_grader_has_a_grade_for_whatever_an_agent_answers(output: Any, expected: Any) -> None:
    parameters = {
        "contains": {"values": ["a"]}, "not_contains": {"values": ["a"]}, "regex": {"pattern": "a"}, "length": {"max": 5},
        "numeric_range": {"max": 5}, "json_schema": {"schema": {"type": "object"}}, "expression": {"expression": "output == expected"},
        "llm_judge": {"question": "Is it good?"},
    }  # fmt: skip
    for name in GRADERS:
        grade = _grade(name, output, expected, **parameters.get(name, {}))
        assert grade.reason and (grade.score is None or 0 <= grade.score <= 1)
