"""Expressions of users, in CEL (the Common Expression Language, cel.dev): small, without loops, and without any effect."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

#: How long an expression may be, in bytes.
LONGEST = 1024
# The macros that go through lists: nested, a few of them take for ever. Between a name and its bracket may be a comment.
_LOOP = re.compile(r"\.\s*(?://.*\s*)*(map|filter|all|exists|exists_one)\s*(?://.*\s*)*\(")


def flaw(expression: str) -> str | None:
    """What is wrong with the expression, as one sentence, or None."""
    if len(expression.encode()) > LONGEST:
        return f"An expression has at most {LONGEST} bytes."
    try:
        _compiled(expression)
    except ValueError as error:
        return f"This is not an expression: {_first_line(error)}"
    loop = _LOOP.search(expression)
    return f"An expression cannot go through a list with {loop[1]}(); use in, size() or a single place." if loop else None


def evaluate(expression: str, context: Mapping[str, Any]) -> Any:
    """The value of the expression, whose variables are the keys of `context`, JSON values.

    Raises ValueError, with a sentence for people, where it has none: a variable that is not there, types that do not fit.
    """
    problem = flaw(expression)
    if problem:
        raise ValueError(problem)
    try:
        return _compiled(expression).execute(dict(context))
    except (ValueError, TypeError, KeyError, RuntimeError, ArithmeticError, IndexError) as error:
        raise ValueError(f"The expression has no value here: {_first_line(error)}") from error


@lru_cache(maxsize=1024)
def _compiled(expression: str) -> Any:
    import cel  # brings a command line of its own with it, and takes a tenth of a second

    return cel.compile(expression)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
