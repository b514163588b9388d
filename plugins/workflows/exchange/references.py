"""Find and map the ids in a definition, whose objects belong to one installation."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aasim_core import ids

from ..hookspecs import Named
from ..validation import tree

# An id is looked for by its end, of which there are few, so that a text takes time in proportion to its length.
_END = re.compile("_[0-7][0-9a-hjkmnp-tv-z]{25}(?![0-9a-z_])")
_PREFIX = re.compile(f"(?:{ids.PREFIX})$")
_LONGEST_PREFIX = 63


def references(definition: Mapping[str, Any]) -> list[Named]:
    """Every id that the definition holds, in the order in which they stand there, with the paths of what holds it."""
    found: dict[str, dict[str, None]] = {}
    for path, value in _parts(definition):
        for text in _texts(value):
            for start, end in _places(text):
                found.setdefault(text[start:end], {})[path] = None
    return [Named(ref, ref.rpartition("_")[0], list(paths)) for ref, paths in found.items()]


def replaced(definition: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    """The definition with other ids for those of the mapping."""
    return dict(_replaced(definition, lambda text: _replaced_in(text, mapping)))


def _parts(definition: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The nodes of all graphs, each without its body, and what else there is of each graph, with their paths."""
    for scope in tree.read(definition).within():
        nodes = {id(node.written) for node in scope.nodes}
        for node in scope.nodes:
            own = {name: each for name, each in node.config.items() if node.body is None or name != "body"}
            yield node.path, {**node.written, "config": own} if node.config else node.written
        for name, value in scope.written.items():
            rest = [each for each in value if id(each) not in nodes] if isinstance(value, list) and name == "nodes" else value
            yield f"{scope.path}.{name}".removeprefix("."), rest


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in (*value, *value.values()) if isinstance(value, Mapping) else value:
            yield from _texts(each)


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Where ids begin and end in a text."""
    for end in _END.finditer(text):
        first = max(0, end.start() - _LONGEST_PREFIX)
        if prefix := _PREFIX.search(text[first : end.start()]):
            yield first + prefix.start(), end.end()


def _replaced_in(text: str, mapping: Mapping[str, str]) -> str:
    pieces, last = [], 0
    for start, end in _places(text):
        pieces += [text[last:start], mapping.get(text[start:end], text[start:end])]
        last = end
    return "".join([*pieces, text[last:]])


def _replaced(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(name): _replaced(each, change) for name, each in value.items()}
    return [_replaced(each, change) for each in value] if isinstance(value, list) else value
