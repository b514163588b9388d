"""A JSON Schema as a graph: which of its schemas apply which others, to the same value or to a part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from graphlib import CycleError, TopologicalSorter
from typing import Any

import jsonschema_rs

from .schema_document import MOST_PARTS, TOO_LARGE, Document, Flawed

#: How many bytes the compiled patterns of one schema may have together.
MOST_PATTERN_BYTES = 2**20
#: How often a pattern with look-around may go back in one text; others never do.
MOST_BACKTRACKS = 500
#: How jsonschema_rs compiles patterns.
PATTERN_OPTIONS = jsonschema_rs.FancyRegexOptions(backtrack_limit=MOST_BACKTRACKS, size_limit=MOST_PATTERN_BYTES)
_SMALLEST_PATTERN = 2**11
# Bytes of a pattern that take as long, for each character, as it takes to apply one keyword.
_BYTES_PER_STEP = 2**9
# Their targets depend on the way through the schema, so nothing can be said of their cost.
_REFUSED = ("$dynamicRef", "$recursiveRef")
_LISTED = ("enum", "const", "required", "dependentRequired", "dependencies")


class Reach(Enum):
    """What a schema applies another one to."""

    SELF = "the value itself"
    PROPERTY = "the property of this name"
    PROPERTIES = "each property that no other keyword names"
    EVERY_PROPERTY = "each property"
    ITEM = "the item at this index"
    ITEMS = "each item after those with an index"
    EVERY_ITEM = "each item"
    NAMES = "each name of a property"


#: Keywords whose schema is tried first, and applied again to list the errors.
TRIED_TWICE = frozenset({"anyOf", "oneOf", "not", "if", "contains", "propertyNames"})

_ONE = {
    "not": Reach.SELF, "if": Reach.SELF, "then": Reach.SELF, "else": Reach.SELF,
    "additionalProperties": Reach.PROPERTIES, "unevaluatedProperties": Reach.PROPERTIES, "propertyNames": Reach.NAMES,
    "items": Reach.ITEMS, "additionalItems": Reach.ITEMS, "unevaluatedItems": Reach.ITEMS, "contains": Reach.EVERY_ITEM,
}  # fmt: skip
_LISTS = {"allOf": Reach.SELF, "anyOf": Reach.SELF, "oneOf": Reach.SELF, "items": Reach.ITEM, "prefixItems": Reach.ITEM}
_MAPS = {
    "properties": Reach.PROPERTY, "patternProperties": Reach.EVERY_PROPERTY,
    "dependentSchemas": Reach.SELF, "dependencies": Reach.SELF,
}  # fmt: skip


@dataclass(frozen=True)
class Edge:
    """That one schema applies the schema with the key `target`; `at` is a name or an index where the reach has one."""

    keyword: str
    reach: Reach
    at: str | int | None
    target: int


@dataclass(frozen=True)
class Node:
    """One schema: its own size in steps, and the steps that its patterns take for each character of a text.

    `prefix` counts the items with a schema of their own, `named` are the properties with one.
    """

    size: int
    steps_per_character: int
    unevaluated: bool
    compares_items: bool
    edges: tuple[Edge, ...]
    named: frozenset[str]
    prefix: int


@dataclass(frozen=True)
class Graph:
    """The schemas of a document by key: each before those that it applies, the root first.

    `back` are the edges, as (from, to), that close a cycle; each cycle has one.
    """

    nodes: dict[int, Node]
    order: list[int]
    back: frozenset[tuple[int, int]]


@dataclass(frozen=True)
class _Pattern:
    """A pattern: its size when it is compiled, in bytes and rounded up, and whether it can go back in a text."""

    size: int
    goes_back: bool

    @property
    def steps_per_character(self) -> int:
        return self.size // _BYTES_PER_STEP * (MOST_BACKTRACKS if self.goes_back else 1)

    @classmethod
    def of(cls, pattern: str, room: int) -> _Pattern:
        """Flawed where its size is more than `room`."""
        size = _SMALLEST_PATTERN
        while size <= room:
            if _compiles(pattern, jsonschema_rs.FancyRegexOptions(size_limit=size)):
                return cls(size, goes_back=not _compiles(pattern, jsonschema_rs.RegexOptions(size_limit=size)))
            size *= 2
        raise Flawed(f"{pattern[:60]!r} is not a pattern, or too large a one together with the others; repeat less in it.")


def graph_of(document: Document) -> Graph:
    """The graph of a schema that meets its meta-schema; it belongs to this document, whose parts are its keys.

    Raises Flawed for references that lead nowhere or out of the document, for endless ones, and for what is too large.
    """
    nodes = _nodes(document)
    _refuse_endless(nodes)
    return Graph(nodes, *_ordered(nodes, id(document.schema)))


def _nodes(document: Document) -> dict[int, Node]:
    nodes: dict[int, Node] = {}
    room, size, todo = MOST_PATTERN_BYTES, 0, [document.schema]
    while todo:
        schema = todo.pop()
        if id(schema) in nodes:
            continue
        applied = list(_applied(schema, document)) if isinstance(schema, Mapping) else []
        patterns = [_Pattern.of(pattern, room) for pattern in _patterns_of(schema)]
        node = _node(schema, tuple(edge for edge, _ in applied), patterns)
        room, size = room - sum(pattern.size for pattern in patterns), size + node.size
        if size > MOST_PARTS:
            raise Flawed(TOO_LARGE)
        nodes[id(schema)] = node
        todo += [part for _, part in applied]
    return nodes


def _node(schema: Any, edges: tuple[Edge, ...], patterns: Sequence[_Pattern]) -> Node:
    if not isinstance(schema, Mapping):
        return Node(1, 0, False, False, edges, frozenset(), 0)
    return Node(
        size=1 + len(schema) + sum(_values_in(schema[key]) for key in _LISTED if key in schema),
        steps_per_character=sum(pattern.steps_per_character for pattern in patterns),
        unevaluated="unevaluatedProperties" in schema or "unevaluatedItems" in schema,
        compares_items=bool(schema.get("uniqueItems")),
        edges=edges,
        named=frozenset(schema.get("properties", ())),
        prefix=sum(edge.reach is Reach.ITEM for edge in edges),
    )


def _applied(schema: Mapping[str, Any], document: Document) -> Iterator[tuple[Edge, Any]]:
    """Each edge from the schema, with the schema that it leads to."""
    for keyword, value in schema.items():
        if keyword in _REFUSED:
            raise Flawed(f"A schema cannot use {keyword}; write $ref.")
        if keyword == "$ref":
            found = document.resolved(value)
            yield Edge(keyword, Reach.SELF, None, id(found)), found
        for reach, at, part in _parts(keyword, value):
            yield Edge(keyword, reach, at, id(part)), part


def _parts(keyword: str, value: Any) -> Iterator[tuple[Reach, str | int | None, Any]]:
    if isinstance(value, list):
        for index, part in enumerate(value) if keyword in _LISTS else ():
            yield _LISTS[keyword], index, part
    elif keyword in _MAPS and isinstance(value, Mapping):
        for name, part in value.items():
            if isinstance(part, Mapping | bool):
                yield _MAPS[keyword], name, part
    elif keyword in _ONE:
        yield _ONE[keyword], None, value


def _values_in(value: Any) -> int:
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return 1 + sum(_values_in(part) for part in parts)


def _patterns_of(schema: Any) -> list[str]:
    if not isinstance(schema, Mapping):
        return []
    return [*schema.get("patternProperties", ()), *([schema["pattern"]] if "pattern" in schema else ())]


def _compiles(pattern: str, options: Any) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except jsonschema_rs.ValidationError:
        return False
    return True


def _refuse_endless(nodes: Mapping[int, Node]) -> None:
    within = {key: [edge.target for edge in node.edges if edge.reach is Reach.SELF] for key, node in nodes.items()}
    try:
        TopologicalSorter(within).prepare()
    except CycleError:
        message = "A schema refers to itself here without going into the value; let it refer to itself below properties or items."
        raise Flawed(message) from None


def _ordered(nodes: Mapping[int, Node], root: int) -> tuple[list[int], frozenset[tuple[int, int]]]:
    """Depth first: the keys in reverse postorder, and the edges that lead back to a schema on the way."""
    done: list[int] = []
    back = set()
    seen, way = {root}, {root: iter(nodes[root].edges)}
    while way:
        key = next(reversed(way))
        edge = next(way[key], None)
        if edge is None:
            done.append(key)
            del way[key]
        elif edge.target in way:
            back.add((key, edge.target))
        elif edge.target not in seen:
            seen.add(edge.target)
            way[edge.target] = iter(nodes[edge.target].edges)
    return done[::-1], frozenset(back)
