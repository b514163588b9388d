"""The cost of applying a JSON Schema, in steps: the maximum for a size, or for one value."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from .schema_graph import TRIED_TWICE, Edge, Graph, Node, Reach

#: How many steps applying a schema to a value may take; a step is a keyword applied to a value, some 50 ns.
MOST_STEPS = 20_000_000
#: How many pairs of a schema and a part of the value are looked at to count them.
MOST_PAIRS = 50_000
#: How many schemas may apply each other in a row, and how deep a value may be nested.
DEEPEST = 128
_DEEPEST_IN_VALUE = 300
_UNBOUNDED = 10**12
_CHARACTERS_PER_STEP = 64


class Steps(NamedTuple):
    """What a schema costs: to say whether a value meets it, to say which parts were evaluated, and to list all errors."""

    valid: int
    evaluated: int
    errors: int


class Size(NamedTuple):
    """A value's size: its parts, each counted as often as it is nested, the characters of its texts, and how deep it is nested."""

    parts: int
    characters: int
    depth: int


class TooMany(ValueError):
    """Counting ended, as there is too much to count."""


@dataclass(frozen=True)
class Cost:
    """What applying the schemas of a graph costs."""

    graph: Graph

    @cached_property
    def expanded(self) -> int:
        """The size of the schema when each reference is replaced by its target, once for each way that leads to it."""
        return self._total(lambda node: node.size).errors

    @cached_property
    def depth(self) -> int:
        """How many schemas apply each other in a row."""
        depths: dict[int, int] = {}
        for key in reversed(self.graph.order):
            depths[key] = 1 + max((depths[edge.target] for edge in self._forward(key)), default=0)
        return depths[self.graph.order[0]]

    def fits(self, value: Any) -> bool:
        """Whether applying the schema to the value takes no more than MOST_STEPS, and lists no more errors than can be reported."""
        size = size_of(value)
        if self.depth > DEEPEST or size.depth > DEEPEST:
            return False
        if not self.graph.back and self.expanded * size.parts + self._patterns * size.characters <= MOST_STEPS:
            return True
        try:
            return _Meter(self.graph).steps(self.graph.order[0], value).errors <= MOST_STEPS
        except TooMany:
            return False

    @cached_property
    def _patterns(self) -> int:
        return self._total(lambda node: node.steps_per_character).errors

    def _total(self, own: Callable[[Node], int]) -> Steps:
        totals: dict[int, Steps] = {}
        for key in reversed(self.graph.order):
            node = self.graph.nodes[key]
            parts = [(edge, totals[edge.target]) for edge in self._forward(key)]
            totals[key] = _sum(node, own(node), parts)
        return totals[self.graph.order[0]]

    def _forward(self, key: int) -> Iterator[Edge]:
        return (edge for edge in self.graph.nodes[key].edges if (key, edge.target) not in self.graph.back)


def size_of(value: Any) -> Size:
    """The size of a JSON value."""
    parts = characters = depth = 0
    level = [value]
    while level:
        depth += 1
        inner: list[Any] = []
        for each in level:
            length = _characters_of(each)
            parts += depth * (1 + length // _CHARACTERS_PER_STEP)
            characters += length
            inner += each.values() if isinstance(each, Mapping) else each if isinstance(each, list) else ()
        level = inner
    return Size(parts, characters, depth)


def _characters_of(value: Any) -> int:
    return len(value) if isinstance(value, str) else sum(map(len, value)) if isinstance(value, Mapping) else 0


class _Meter:
    """Counts the steps of one value; a pair of a schema and a part of the value is counted once and remembered."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[tuple[int, int], Steps] = {}
        self._sizes: dict[int, Size] = {}

    def steps(self, key: int, value: Any, depth: int = 0) -> Steps:
        """TooMany after MOST_PAIRS, and where the schema goes too deep."""
        pair = (key, id(value))
        if pair not in self._known:
            if len(self._known) >= MOST_PAIRS or depth > _DEEPEST_IN_VALUE:
                raise TooMany
            node = self._graph.nodes[key]
            parts = [
                (edge, self.steps(edge.target, part, depth + 1)) for edge in node.edges for part in _reached(edge, node, value)
            ]
            self._known[pair] = _sum(node, self._own(node, value), parts)
        return self._known[pair]

    def _own(self, node: Node, value: Any) -> int:
        characters = _characters_of(value)
        compared = self._size(value).parts if node.compares_items else 0
        return node.size + node.steps_per_character * characters + compared + characters // _CHARACTERS_PER_STEP

    def _size(self, value: Any) -> Size:
        if id(value) not in self._sizes:
            self._sizes[id(value)] = size_of(value)
        return self._sizes[id(value)]


def _sum(node: Node, own: int, parts: list[tuple[Edge, Steps]]) -> Steps:
    within = [steps for edge, steps in parts if edge.reach is Reach.SELF]
    evaluated = sum(steps.valid + steps.evaluated for steps in within)
    again = evaluated if node.unevaluated else 0
    valid = own + again + sum(steps.valid for _, steps in parts)
    errors = own + again + sum(steps.errors + (steps.valid if edge.keyword in TRIED_TWICE else 0) for edge, steps in parts)
    return Steps(min(valid, _UNBOUNDED), min(evaluated, _UNBOUNDED), min(errors, _UNBOUNDED))


def _reached(edge: Edge, node: Node, value: Any) -> list[Any]:
    """The parts of the value that the edge's schema is applied to, or more."""
    if edge.reach is Reach.SELF:
        return [value]
    if isinstance(value, Mapping):
        return _reached_in_object(edge, node, value)
    if not isinstance(value, list):
        return []
    if edge.reach is Reach.ITEM:
        return value[edge.at : edge.at + 1] if isinstance(edge.at, int) else []
    return {Reach.ITEMS: value[node.prefix :], Reach.EVERY_ITEM: value}.get(edge.reach, [])


def _reached_in_object(edge: Edge, node: Node, value: Mapping[str, Any]) -> list[Any]:
    match edge.reach:
        case Reach.PROPERTY:
            return [value[edge.at]] if isinstance(edge.at, str) and edge.at in value else []
        case Reach.PROPERTIES:
            return [part for name, part in value.items() if name not in node.named]
        case Reach.EVERY_PROPERTY:
            return list(value.values())
        case Reach.NAMES:
            return list(value)
    return []
