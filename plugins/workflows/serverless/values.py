"""Translate values with expressions: ``${ .order.id }`` becomes ``{{ input.order.id }}``."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from aasim_core.user_code import expressions

from . import jq
from .building import whole
from .jq import Names
from .terms import NotTranslated, Term, literal

#: What expressions of definitions can name that are made here.
_NAMES = ("input", "vars", "nodes", "item", "index", "run")
_EXPRESSION = re.compile(r"\s*\$\{(.*)\}\s*", re.DOTALL)
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII)
_UNITS = {"days": 86_400.0, "hours": 3_600.0, "minutes": 60.0, "seconds": 1.0, "milliseconds": 0.001}
_LONGEST_TIME = 366 * 86_400.0


def inner(text: str) -> str | None:
    """What a text says between ``${`` and ``}``; None for one that is no expression."""
    found = _EXPRESSION.fullmatch(text)
    return found[1] if found else None


def expression(written: Any, names: Names) -> str:
    """What is an expression in any case, with or without ``${ }``; NotTranslated, with the expression, for what has no counterpart."""
    return _read(written, names, lambda found: found.value)


def condition(written: Any, names: Names) -> str:
    """The same as a condition."""
    return _read(written, names, lambda found: found.truth)


def _read(written: Any, names: Names, told: Callable[[Term], str]) -> str:
    if not isinstance(written, str):
        raise NotTranslated("Where an expression is to be, there is none.")
    text = inner(written)
    text = (written if text is None else text).strip()
    try:
        found = told(jq.translated(text, names))
        if problem := expressions.flaw(found, _NAMES):
            raise NotTranslated(problem)
    except NotTranslated as error:
        raise NotTranslated(f"The expression {text[:300]} is not translated: {error}") from error
    return found


def filled(written: Any, names: Names) -> Any:
    """A value in which texts ``${ … }`` are expressions, and all else stands for itself."""
    if isinstance(written, str):
        return plain(written) if inner(written) is None else whole(expression(written, names))
    if isinstance(written, Mapping):
        return {name: filled(each, names) for name, each in written.items()}
    return [filled(each, names) for each in written] if isinstance(written, list) else written


def made(written: Any, names: Names) -> Any:
    """What ``from`` and ``as`` hold: an expression, with or without ``${ }``, or a value with expressions in it."""
    return whole(expression(written, names)) if isinstance(written, str) else filled(written, names)


def plain(text: str) -> str:
    """A text that stands for itself also where it has braces."""
    return whole(literal(text).text) if "{{" in text else text


def at(value: Any, path: str) -> Any:
    """What stands at a path, such as ``/to/one``; None where there is nothing."""
    for name in path.split("/")[1:]:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def seconds(written: Any) -> float:
    """A duration, as an object or as ISO 8601 writes one; NotTranslated for one that is computed, that is none, or is too long."""
    found = _seconds(written)
    if found is None:
        message = "A duration is days, hours, minutes, seconds and milliseconds, or ISO 8601 as PT15M; it is not computed."
        raise NotTranslated(message)
    if not 0 <= found <= _LONGEST_TIME:
        raise NotTranslated("A duration is at most 366 days.")
    return found


def _seconds(written: Any) -> float | None:
    if isinstance(written, Mapping):
        is_one = written and written.keys() <= _UNITS.keys() and all(type(each) is int for each in written.values())
        return sum((_UNITS[name] * number for name, number in written.items()), 0.0) if is_one else None
    match = _DURATION.fullmatch(written) if isinstance(written, str) and len(written) <= 40 else None
    return (
        sum((float(number or 0) * unit for number, unit in zip(match.groups(), _UNITS.values(), strict=False)), 0.0)
        if match
        else None
    )
