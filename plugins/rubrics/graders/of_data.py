"""Graders of an output as data: its schema, a number in it, and expressions over it."""

import math
import re
from typing import Any

from aasim_core.user_code import expressions, json_schema

from .grading import AT, Case, Grade, Grader, as_json, of_part, parameters_of
from .of_text import range_flaw

_MOST_SHOWN = 10
# Python's float also reads 1_0 and the digits of other scripts.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
#: What an expression can use.
_NAMES = ("input", "output", "expected")


def _json_schema(case: Case, part: Any) -> Grade:
    schema, value = case.parameters["schema"], as_json(part)
    if json_schema.too_costly(schema, value):
        return Grade(None, "The schema takes too many steps for this output; simplify it.")
    broken = json_schema.violations(schema, value)
    if not broken:
        return Grade(1.0, "It meets the schema.")
    path, message = broken[0]
    shown = [{"path": where, "message": text[:300]} for where, text in broken[:_MOST_SHOWN]]
    return Grade(0.0, f"It breaks the schema at {path}: {message[:300]}", {"broken": shown})


def _schema_flaw(parameters: Any) -> tuple[str, str] | None:
    problem = json_schema.flaw(parameters["schema"])
    return ("schema", problem) if problem else None


def _numeric_range(case: Case, part: Any) -> Grade:
    number = _number(part)
    if number is None:
        return Grade(0.0, "It is no number.")
    fits = case.parameters.get("min", -math.inf) <= number <= case.parameters.get("max", math.inf)
    return Grade(float(fits), f"It is {number:g}.", {"number": number})


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        value = float(value) if _DECIMAL.fullmatch(value.strip()) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if is_number else None


def _expression(case: Case) -> Grade:
    values = {"input": case.input, "output": as_json(case.output), "expected": case.expected}
    try:
        value = expressions.evaluate(case.parameters["expression"], values)
    except ValueError as error:
        return Grade(None, str(error))
    if isinstance(value, bool):
        return Grade(float(value), f"The expression is {str(value).lower()}.")
    if isinstance(value, int | float) and 0 <= value <= 1:
        return Grade(float(value), f"The expression is {value:g}.")
    return Grade(None, "The expression is neither true, false nor a number from 0 to 1.")


def _expression_flaw(parameters: Any) -> tuple[str, str] | None:
    problem = expressions.flaw(parameters["expression"], _NAMES)
    return ("expression", problem) if problem else None


_NUMBER = {"type": "number"}
GRADERS = (
    Grader(
        "json_schema",
        "Meets a JSON Schema",
        parameters_of("schema", schema={"type": "object"}, at=AT),
        of_part(_json_schema),
        flaw=_schema_flaw,
    ),
    Grader(
        "numeric_range",
        "Is a number within bounds",
        parameters_of(min=_NUMBER, max=_NUMBER, at=AT),
        of_part(_numeric_range),
        flaw=range_flaw,
    ),
    Grader(
        "expression",
        "Makes an expression true",
        parameters_of("expression", expression={"type": "string", "minLength": 1, "maxLength": expressions.LONGEST}),
        _expression,
        flaw=_expression_flaw,
    ),
)
