"""Valid JSON values: integers of 64 bits, finite numbers, and text that every database and encoder accepts."""

import math
import re
from collections.abc import Iterator
from typing import Any

from ..errors import Problem

LEAST_INTEGER = -(2**63)
MOST_INTEGER = 2**63 - 1

#: What stands for the value of a body that was not sent; a sent ``null`` is None.
NO_BODY = object()

#: The keys and indexes that lead to a value.
Path = tuple[str | int, ...]

_BROKEN_TEXT = re.compile("[\0\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# A key that stands in an answer is cut at this length: nobody reads more, and a caller cannot inflate the answer with it.
_KEY_SHOWN = 64


def shown(key: str) -> str:
    """`key`, which a caller chose, in a form that fits into an answer: short, and without what cannot be encoded."""
    clean = _SURROGATE.sub("\ufffd", key[:_KEY_SHOWN])
    return clean if len(key) <= _KEY_SHOWN else clean + "…"


def joined(path: Path) -> str:
    """The path in the form that answers use, ``steps[2].name``; ``_`` for the whole."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{shown(part)}" if text else shown(part)
    return text or "_"


def kind_of(value: object) -> str:
    """What `value` is in JSON, for a sentence: ``a number``, ``text``."""
    return _KINDS.get(type(value), "something else")


_KINDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def fault_in(value: Any, *, max_depth: int) -> tuple[Path, Problem] | None:
    """The first thing in the JSON value `value` that cannot be stored, and the path to it; None when all is well.

    An empty list or object has depth 1.
    """
    pending: list[tuple[Any, Path]] = [(value, ())]
    while pending:
        item, path = pending.pop()
        problem = _scalar_problem(item)
        if problem is None and isinstance(item, dict | list):
            if len(path) >= max_depth:
                problem = Problem("nesting_too_deep", f"Nest at most {max_depth} lists and objects.")
            elif isinstance(item, dict) and any(_BROKEN_TEXT.search(key) for key in item):
                problem = _broken("a key")
        if problem is not None:
            return path, problem
        pending.extend((child, (*path, key)) for key, child in _children(item))
    return None


def _children(item: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(item, dict):
        yield from item.items()
    elif isinstance(item, list):
        yield from enumerate(item)


def _scalar_problem(item: Any) -> Problem | None:
    kind = type(item)
    if kind is str:
        return _broken("this text") if _BROKEN_TEXT.search(item) else None
    if kind is int and not LEAST_INTEGER <= item <= MOST_INTEGER:
        return Problem("out_of_range", f"Write a whole number from {LEAST_INTEGER} to {MOST_INTEGER}.")
    if kind is float and not math.isfinite(item):
        return Problem("out_of_range", "Write a number below 1.8e308.")
    return None


def _broken(what: str) -> Problem:
    return Problem("invalid_characters", f"Remove the NUL characters and unpaired surrogates from {what}.")
