"""Templates of users: ``{{ input.customer.name }}`` is replaced, and nothing else happens."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..text.json import to_json

#: How many places a template may have.
MOST_PLACES = 200
#: How many characters a filled template may have.
LONGEST_FILLED = 1_000_000
_LONGEST_PLACE = 200

_PLACE = re.compile(r"\{\{\s*([A-Za-z_]\w*(?:\.[\w-]+)*)\s*\}\}", re.ASCII)
# A place holds no brackets, so that none is looked for beyond the next bracket.
_ANY_PLACE = re.compile(r"\{\{[^{}]*+\}\}")


class TooLong(ValueError):
    """What is filled in makes the text longer than LONGEST_FILLED."""


def flaws(template: str, roots: tuple[str, ...] = ("input",)) -> Iterator[str]:
    """A sentence for each place of the template that cannot be filled, and one where there are too many."""
    places = _ANY_PLACE.findall(template)
    if len(places) > MOST_PLACES:
        yield f"There are {len(places)} places to fill in, and {MOST_PLACES} is the most; fill in an object as a whole instead"
    for place in places:
        match = _PLACE.fullmatch(place)
        if match is None or len(place) > _LONGEST_PLACE:
            yield f"{place[:60]} is not a place to fill in; write a path, such as {{{{ {roots[0]}.customer.name }}}}"
        elif match[1].partition(".")[0] not in roots:
            yield f"{place[:60]} starts with an unknown name; use {' or '.join(roots)}"


def fill(template: str, values: Mapping[str, Any]) -> str:
    """The template with each place filled; a path that leads nowhere becomes empty, an object or list becomes JSON.

    Raises TooLong.
    """
    known: dict[str, str] = {}
    pieces: list[str] = []
    length, end = len(template), 0
    for match in _PLACE.finditer(template):
        path = match[1]
        if path not in known:
            known[path] = _text(_lookup(values, path.split(".")))
        length += len(known[path])
        if length > LONGEST_FILLED:
            raise TooLong(
                f"With what is filled in, the text has more than {LONGEST_FILLED} characters; send less, or use it less often."
            )
        pieces += template[end : match.start()], known[path]
        end = match.end()
    return "".join((*pieces, template[end:]))


def _lookup(value: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and len(part) < 10 and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value).decode()
