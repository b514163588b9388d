"""Parse a definition as far as possible: its graphs, nodes and edges, each with the path that faults name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any

from ..definition import LOOPS
from .faults import below

#: How deep bodies may be in each other.
MOST_BODIES = 4
ID = re.compile("[a-z][a-z0-9_]{0,39}")


@dataclass(eq=False)
class Node:
    """A node in its graph. The `id` is empty where it has none that is text; `body` is the graph in a loop."""

    path: str
    id: str
    written: Mapping[str, Any]
    scope: Scope
    body: Scope | None = None

    @property
    def type(self) -> str:
        """The name of its type; empty where that is no text."""
        return _text(self.written.get("type"))

    @property
    def config(self) -> Mapping[str, Any]:
        """Its config; empty where that is no object."""
        return _object(self.written.get("config"))

    @property
    def is_loop(self) -> bool:
        """Whether it has a body, if perhaps none that can be read."""
        return self.type in LOOPS

    @property
    def compensation(self) -> Node | None:
        """What undoes it, as a node; None where it has none that is an object."""
        written = self.written.get("compensate")
        return Node(below(self.path, "compensate"), self.id, written, self.scope) if isinstance(written, Mapping) else None


@dataclass(frozen=True, eq=False)
class Edge:
    """An edge whose ends are text."""

    path: str
    source: str
    target: str
    on: str
    condition: str | None


@dataclass(eq=False)
class Scope:
    """A graph: that of the workflow, or of the body of a `loop`, nested this deep."""

    path: str
    written: Mapping[str, Any]
    loop: Node | None
    depth: int
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)

    @cached_property
    def by_id(self) -> Mapping[str, Node]:
        """Its nodes; of several with one id the first."""
        found: dict[str, Node] = {}
        for node in self.nodes:
            if node.id:
                found.setdefault(node.id, node)
        return found

    @cached_property
    def inner_edges(self) -> list[Edge]:
        """The edges between two nodes of the graph."""
        known = self.by_id
        return [edge for edge in self.edges if edge.source != edge.target and edge.source in known and edge.target in known]

    @cached_property
    def edges_to(self) -> Mapping[str, list[Edge]]:
        """The edges between two nodes, by the id of that which they lead to."""
        return _grouped(self.by_id, self.inner_edges, attrgetter("target"))

    @cached_property
    def edges_from(self) -> Mapping[str, list[Edge]]:
        """The same, by the id of that which they come from."""
        return _grouped(self.by_id, self.inner_edges, attrgetter("source"))

    def within(self) -> Iterator[Scope]:
        """The graph, and all that are in it."""
        yield self
        for node in self.nodes:
            if node.body is not None:
                yield from node.body.within()


def read(definition: Mapping[str, Any]) -> Scope:
    """The graph of the definition; what is no node and no edge is left out, and so are bodies that are too deep."""
    return _scope(definition, "", None, 0)


def items(written: Mapping[str, Any], name: str) -> list[Any]:
    """A list of an object; empty where it has none."""
    found = written.get(name)
    return found if isinstance(found, list) else []


def place_of(scope: Scope, number: int, written: Any) -> str:
    """The path of a node: by its id, if it has one as ids are, or else by its place in the list."""
    node_id = written.get("id") if isinstance(written, Mapping) else None
    is_id = isinstance(node_id, str) and ID.fullmatch(node_id)
    return below(scope.path, "nodes", str(node_id)) if is_id else below(scope.path, "nodes", number)


def _scope(written: Mapping[str, Any], path: str, loop: Node | None, depth: int) -> Scope:
    scope = Scope(path, written, loop, depth)
    scope.nodes += [_node(scope, n, each) for n, each in enumerate(items(written, "nodes")) if isinstance(each, Mapping)]
    edges = (_edge(path, n, each) for n, each in enumerate(items(written, "edges")) if isinstance(each, Mapping))
    scope.edges += [edge for edge in edges if edge is not None]
    return scope


def _edge(path: str, number: int, written: Mapping[str, Any]) -> Edge | None:
    source, target, condition = written.get("from"), written.get("to"), written.get("condition")
    if not isinstance(source, str) or not isinstance(target, str):
        return None
    on, is_text = _text(written.get("on", "done")), isinstance(condition, str)
    return Edge(below(path, "edges", number), source, target, on, condition if is_text else None)


def _grouped(ids: Iterable[str], edges: Iterable[Edge], end: Callable[[Edge], str]) -> Mapping[str, list[Edge]]:
    found: dict[str, list[Edge]] = {node_id: [] for node_id in ids}
    for edge in edges:
        found[end(edge)].append(edge)
    return found


def _node(scope: Scope, number: int, written: Mapping[str, Any]) -> Node:
    path = place_of(scope, number, written)
    node = Node(path, _text(written.get("id")), written, scope)
    body = node.config.get("body")
    if node.is_loop and isinstance(body, Mapping) and scope.depth < MOST_BODIES:
        node.body = _scope(body, below(path, "body"), node, scope.depth + 1)
    return node


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
