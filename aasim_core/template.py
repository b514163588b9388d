"""Templates of users: ``{{ input.customer.name }}`` is replaced, and nothing else happens."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .data.json import to_json

_PLACE = re.compile(r"\{\{\s*([A-Za-z_][\w]*(?:\.[\w-]+)*)\s*\}\}", re.ASCII)
_ANY_PLACE = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def flaws(template: str, roots: tuple[str, ...] = ("input",)) -> Iterator[str]:
    """A sentence for each place of the template that cannot be filled."""
    for place in _ANY_PLACE.findall(template):
        match = _PLACE.fullmatch(place)
        if match is None:
            yield f"{place[:60]} is not a place to fill in; write a path, such as {{{{ {roots[0]}.customer.name }}}}"
        elif match[1].partition(".")[0] not in roots:
            yield f"{place[:60]} starts with an unknown name; use {' or '.join(roots)}"


def fill(template: str, values: Mapping[str, Any]) -> str:
    """The template with each place filled; a path that leads nowhere becomes empty, an object or list becomes JSON."""
    return _PLACE.sub(lambda match: _text(_lookup(values, match[1].split("."))), template)


def _lookup(value: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value).decode()
