"""Expressions of users, in CEL (the Common Expression Language, cel.dev): small, without loops, and without any effect."""

import math
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from .data.json import to_json

#: How long an expression may be, in bytes.
LONGEST = 1024
#: How deep its brackets may be nested: the parser recurses, and a small stack would take the process with it.
DEEPEST = 32

# The macros that go through lists: nested, a few of them take for ever. Between a name and its bracket may be a comment.
_LOOP = re.compile(r"\.\s*(?://.*\s*)*(map|filter|all|exists|exists_one|existsOne)\s*(?://.*\s*)*\(")
# Bytes of the values as JSON, times the square of how often they are named: a sum of texts copies them that often.
_MOST_COPIED = 2**26
_PLACE = re.compile(r":(\d+):(\d+): ")
_FAULTS = (ValueError, TypeError, KeyError, RuntimeError, ArithmeticError, IndexError)


def flaw(expression: str, names: Collection[str] | None = None) -> str | None:
    """What is wrong with the expression, as one sentence, or None; where `names` are given, it may use no other variables."""
    problem = _flaw_of_shape(expression)
    if problem:
        return problem
    try:
        program = _compiled(expression)
    except ValueError as error:
        return _not_parsed(error)
    if "matches" in program.functions():
        return "An expression cannot use matches(), as a pattern can take minutes; use contains, startsWith or endsWith."
    unknown = sorted(set(program.variables()) - set(names)) if names is not None else ()
    return f"There is no {unknown[0]} here; an expression can use {', '.join(names or ())}." if unknown else None


def evaluate(expression: str, context: Mapping[str, Any]) -> Any:
    """The value of the expression, whose variables are the keys of `context`, JSON values; it is a JSON value itself.

    Raises ValueError, with a sentence for people, where it has none: a variable that is not there, types that do not fit, values too
    large for how often they are named.
    """
    problem = flaw(expression) or _excess(expression, context)
    if problem:
        raise ValueError(problem)
    try:
        value = _compiled(expression).execute(dict(context))
    except _FAULTS as error:
        raise ValueError(f"The expression has no value here: {_first_line(error)}") from error
    if not _is_json(value):
        raise ValueError(f"The expression has no value here: a {type(value).__name__} is no JSON value.")
    return value


@lru_cache(maxsize=1024)
def _compiled(expression: str) -> Any:
    import cel  # brings a command line of its own with it, and takes a tenth of a second

    return cel.compile(expression)


def _flaw_of_shape(expression: str) -> str | None:
    if len(expression.encode(errors="replace")) > LONGEST:
        return f"An expression has at most {LONGEST} bytes."
    if _depth(expression) > DEEPEST:
        return f"The brackets of an expression are nested at most {DEEPEST} deep."
    loop = _LOOP.search(expression)
    return f"An expression cannot go through a list with {loop[1]}(); use in, size() or a single place." if loop else None


def _depth(expression: str) -> int:
    depth = deepest = 0
    for character in expression:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _excess(expression: str, context: Mapping[str, Any]) -> str | None:
    uses = sum(len(re.findall(rf"\b{re.escape(name)}\b", expression)) for name in context)
    if uses**2 * len(to_json(dict(context))) > _MOST_COPIED:
        return "The values are too large for an expression that names them so often; name them less often."
    return None


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(each) for key, each in value.items())
    if isinstance(value, list):
        return all(_is_json(each) for each in value)
    return math.isfinite(value) if isinstance(value, float) else value is None or isinstance(value, bool | int | str)


def _not_parsed(error: ValueError) -> str:
    # What the parser expected instead is a list of its own tokens, which tells nobody anything.
    place = _PLACE.search(str(error))
    return f"This is not an expression{f'; look at line {place[1]}, column {place[2]}' if place else ''}."


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
