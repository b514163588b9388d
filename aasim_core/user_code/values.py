"""Values of users with expressions in them: ``{"id": "{{ input.order.id }}", "title": "Order {{ input.order.id }}"}``.

A text that is one expression between ``{{`` and ``}}`` becomes the value of it; within other text, the value becomes text.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..text.json import to_json
from . import expressions

#: How many expressions a value may have.
MOST_PLACES = 200
#: How many bytes of JSON a filled value may have.
LONGEST_FILLED = 262_144
OPEN = "A {{ has no }}; write both, or neither."
# An unterminated expression extends to the end of the text, so that nothing is read twice.
_PIECE = re.compile(r"""'(?:[^'\\]|\\.)*+'?|"(?:[^"\\]|\\.)*+"?|[{}]|[^'"{}]++""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """An expression in a value: where it stands, such as ``.items[0].title``, and what it says."""

    path: str
    expression: str


class NoValue(ValueError):
    """An expression has no value; `place` is where it stands."""

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(f"{{{{ {place.expression} }}}} has no value: {reason}")
        self.place = place


class TooLarge(ValueError):
    """The filled value is larger than LONGEST_FILLED."""


def has_places(value: Any) -> bool:
    """Whether there is anything to fill in."""
    return next(places(value), None) is not None


def places(value: Any) -> Iterator[Place]:
    """The expressions in a value, in its order."""
    for path, text in _texts(value):
        yield from (Place(path, piece.strip()) for piece, is_place in _pieces(text) if is_place)


def flaws(value: Any, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """For each expression that is wrong over the variables `names`, where it stands, and what is wrong in one sentence."""
    yield from ((path, OPEN) for path in open_places(value))
    found = list(places(value))
    if len(found) > MOST_PLACES:
        yield "", f"There are {len(found)} expressions, and {MOST_PLACES} is the most; name an object as a whole instead."
    for place in found[:MOST_PLACES]:
        if problem := expressions.flaw(place.expression, names):
            yield place.path, problem


def open_places(value: Any) -> Iterator[str]:
    """Where a ``{{`` stands that begins no expression."""
    return (path for path, text in _texts(value) if _is_open(text))


def fill(value: Any, context: Mapping[str, Any], *, loops: bool = False) -> Any:
    """The value with each expression replaced, over the variables of `context`, JSON values; with `loops` they may go through lists.

    Raises NoValue, TooLarge.
    """
    filled = _filled(value, "", lambda place: _value_of(place, context, loops))
    if len(to_json(filled)) > LONGEST_FILLED:
        raise TooLarge(f"With what is filled in, this is larger than {LONGEST_FILLED // 1024} KiB; take less of it.")
    return filled


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(each, f"{path}.{name}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _texts(each, f"{path}[{number}]")


def _is_open(text: str) -> bool:
    return any("{{" in piece for piece, is_place in _pieces(text) if not is_place)


def _value_of(place: Place, context: Mapping[str, Any], loops: bool) -> Any:
    try:
        return expressions.evaluate(place.expression, context, loops=loops)
    except ValueError as error:
        raise NoValue(place, str(error)) from error


def _filled(value: Any, path: str, value_of: Callable[[Place], Any]) -> Any:
    if isinstance(value, str):
        return _filled_text(value, path, value_of)
    if isinstance(value, Mapping):
        return {name: _filled(each, f"{path}.{name}", value_of) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, f"{path}[{number}]", value_of) for number, each in enumerate(value)]
    return value


def _filled_text(text: str, path: str, value_of: Callable[[Place], Any]) -> Any:
    pieces = list(_pieces(text))
    if len(pieces) == 1 and pieces[0][1]:
        return value_of(Place(path, pieces[0][0].strip()))
    filled, length = [], 0
    for piece, is_place in pieces:
        filled.append(_text(value_of(Place(path, piece.strip()))) if is_place else piece)
        length += len(filled[-1])
        if length > LONGEST_FILLED:
            raise TooLarge(f"With what is filled in, the text is longer than {LONGEST_FILLED // 1024} KiB; take less of it.")
    return "".join(filled)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value).decode()


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The parts of a text, and whether each is an expression; an expression that has no end is text."""
    end = 0
    while (start := text.find("{{", end)) >= 0:
        after = _end_of(text, start + 2)
        if after is None:
            break
        if start > end:
            yield text[end:start], False
        yield text[start + 2 : after - 2], True
        end = after
    if end < len(text):
        yield text[end:], False


def _end_of(text: str, start: int) -> int | None:
    """The place after the ``}}`` that ends the expression that begins there; braces and texts in it do not end it."""
    depth = 0
    for piece in _PIECE.finditer(text, start):
        if piece[0] == "{":
            depth += 1
        elif piece[0] == "}" and depth:
            depth -= 1
        elif piece[0] == "}":
            return piece.end() + 1 if text[piece.end() : piece.end() + 1] == "}" else None
    return None
