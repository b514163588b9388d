"""Expressions of users, in CEL (the Common Expression Language, cel.dev): small, without loops, and without any effect."""

import math
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ..text.json import to_json
from . import cel_loops

#: How long an expression may be, in bytes.
LONGEST = 1024
_CONTAINS = re.compile(r"\bcontains\b")
_CONTAINS_LITERAL = re.compile(r"""\bcontains\(\s*+(?:'[^'\\\n]*+'|"[^"\\\n]*+")\s*+\)""")
_NAME = re.compile(r"\b[A-Za-z_]\w*+", re.ASCII)
# CEL's C++ library takes 0 and 0u for two keys of a map, which are one.
_UNSIGNED = re.compile(r"[0-9A-Fa-f][uU]\b|\buint\b")
_PLACE = re.compile(r"<input>:(\d+):(\d+): ")
_CODE = re.compile("[A-Z_]+: ")
_UNKNOWN = re.compile(r"undeclared reference to '([^']*)'")

_OTHER_MACROS = ("exists_one", "existsOne")
_REFUSED = {
    **dict.fromkeys(
        (*_OTHER_MACROS, *cel_loops.MACROS),
        "An expression cannot go through a list with {}() here; use in, size() or a single place.",
    ),
    "matches": "An expression cannot use {}(); use contains, startsWith or endsWith.",
}
# Functions of timestamps, each with the overload that reads a file for the time zone that it is given.
_WITH_ZONES = {
    "getDate": "timestamp_to_day_of_month_1_based_with_tz",
    "getDayOfMonth": "timestamp_to_day_of_month_with_tz",
    "getDayOfWeek": "timestamp_to_day_of_week_with_tz",
    "getDayOfYear": "timestamp_to_day_of_year_with_tz",
    "getFullYear": "timestamp_to_year_with_tz",
    "getHours": "timestamp_to_hours_with_tz",
    "getMilliseconds": "timestamp_to_milliseconds_with_tz",
    "getMinutes": "timestamp_to_minutes_with_tz",
    "getMonth": "timestamp_to_month_with_tz",
    "getSeconds": "timestamp_to_seconds_with_tz",
}


class Steps(NamedTuple):
    """What evaluating an expression takes at most, in bytes, and in items that it goes through; else each of its parts is evaluated once.

    It reads each value, as JSON, as often as it is named; a sum and a function copy what they are given; and looking for a computed text
    in another compares the product of their lengths, while a literal is short.
    """

    read: int
    copied: int
    compared: int
    items: int = 0


#: How many steps evaluating an expression may take.
MOST_STEPS = Steps(read=LONGEST + 2**22, copied=2**26, compared=9 * 10**9, items=cel_loops.MOST_ITEMS)


def flaw(expression: str, names: Collection[str], *, loops: bool = False) -> str | None:
    """What is wrong with an expression over the variables `names`, as one sentence, or None; with `loops` it may go through lists."""
    if len(expression.encode(errors="replace")) > LONGEST:
        return f"An expression has at most {LONGEST} bytes."
    if "{" in expression and _UNSIGNED.search(expression):
        return "An expression cannot have both a map and unsigned numbers; write numbers without u."
    if loops and cel_loops.may_loop(expression) and (problem := cel_loops.flaw(expression, names)):
        return problem
    try:
        _compiled(expression, tuple(names), loops)
    except RuntimeError as error:
        return _told(str(error), names)
    return None


def evaluate(expression: str, context: Mapping[str, Any], most: Steps = MOST_STEPS, *, loops: bool = False) -> Any:
    """The value of the expression, whose variables are the keys of `context`, JSON values; it is a JSON value itself.

    Raises ValueError, with a sentence for people, where it has none: a variable that is not there, types that do not fit, values too
    large for how often they are named, so that it could take more than `most` steps.
    """
    problem = flaw(expression, context, loops=loops) or _excess(expression, context, most, loops)
    if problem:
        raise ValueError(problem)
    try:
        result = _compiled(expression, tuple(context), loops).eval(data=dict(context))
        failed, value = str(result.type()) in ("ERROR", "UNKNOWN"), result.plain_value()
    except (RuntimeError, ValueError, TypeError, OverflowError) as error:
        failed, value = True, error
    if failed:
        raise ValueError(f"The expression has no value here: {_first_line(str(value))}")
    if not _is_json(value):
        raise ValueError(f"The expression has no value here: a {type(value).__name__} is no JSON value.")
    return value


def steps(expression: str, context: Mapping[str, Any], *, loops: bool = False) -> Steps:
    """How many steps evaluating the expression takes at most; TypeError for values that are no JSON."""
    named = [name for name in _NAME.findall(expression) if name in context]
    lengths = {name: len(to_json(context[name])) for name in set(named)}
    total, copied, items = sum(lengths[name] for name in named), 0, 0
    if loops and cel_loops.may_loop(expression) and total <= MOST_STEPS.read:
        sizes = {name: cel_loops.size_of(context[name], length) for name, length in lengths.items()}
        total, copied, items = cel_loops.cost(expression, sizes)
    read = LONGEST + total
    searches = len(_CONTAINS.findall(expression)) - len(_CONTAINS_LITERAL.findall(expression))
    copies = expression.count("+") + expression.count("(")
    return Steps(read, read * copies + copied, read * LONGEST + searches * read**2, items)


@lru_cache(maxsize=256)
def _compiled(expression: str, names: tuple[str, ...], loops: bool = False) -> Any:
    return _environment(names, loops).compile(expression)


@lru_cache(maxsize=64)
def _environment(names: tuple[str, ...], loops: bool = False) -> Any:
    from cel_expr_python import cel  # takes some time, and few processes need it

    zones = "".join(f"\n    - {{name: {name}, overloads: [{{id: {overload}}}]}}" for name, overload in _WITH_ZONES.items())
    macros = ", ".join(_OTHER_MACROS if loops else (*_OTHER_MACROS, *cel_loops.MACROS))
    config = f"stdlib:\n  exclude_macros: [{macros}]\n  exclude_functions:\n    - name: matches{zones}\n"
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(config), variables=dict.fromkeys(names, cel.Type.DYN))


def _excess(expression: str, context: Mapping[str, Any], most: Steps, loops: bool) -> str | None:
    try:
        needed = steps(expression, context, loops=loops)
    except TypeError as error:
        return f"The values are no JSON that an expression can read: {_first_line(str(error))}"
    if needed.items > most.items:
        return f"This may go through more than {most.items} items; take fewer."
    if any(count > bound for count, bound in zip(needed, most, strict=True)):
        return "The values are too large for an expression that names them so often; name them less often."
    return None


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(each) for key, each in value.items())
    if isinstance(value, list):
        return all(_is_json(each) for each in value)
    return math.isfinite(value) if isinstance(value, float) else value is None or isinstance(value, bool | int | str)


def _told(error: str, names: Collection[str]) -> str:
    """The compiler's message for people: it lists its own tokens, and every error that follows from the first one."""
    unknown = _UNKNOWN.findall(error)
    refused = next((name for name in unknown if name in _REFUSED), None)
    if refused:
        return _REFUSED[refused].format(refused)
    if unknown and unknown[0] in _WITH_ZONES:
        return f"An expression cannot use {unknown[0]}() with a time zone; times are in UTC."
    if unknown:
        return f"There is no {unknown[0][:100]} here; an expression can use {', '.join(names) or 'no variables'}."
    if "recursion" in error:
        return "An expression is nested at most 32 deep; a sum of more than 32 parts is, too."
    place = _PLACE.search(error)
    where = f" at line {place[1]}, column {place[2]}" if place else ""
    if "found no matching overload" in error:
        return f"The types of this expression do not fit{where}: {_first_line(error.partition('found ')[2])}."
    return f"This is not an expression{where and f'; look{where}'}."


def _first_line(text: str) -> str:
    line = next(iter(text.strip().splitlines()), "it fails")
    return line.removeprefix(code[0] if (code := _CODE.match(line)) else "")[:300]
