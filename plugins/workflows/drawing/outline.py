"""The outline of a graph: its nodes and edges with the labels that people read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..kernel.flow import DONE, ERROR
from ..validation.tree import Edge, Node, Scope

#: How many nodes are drawn, with those of bodies.
MOST_NODES = 200
#: The types of nodes that steer a run; their boxes are round.
DECIDING = ("condition", "switch", "join", "parallel", "end")
_LONGEST_NAME, _LONGEST_TYPE, _LONGEST_LABEL = 120, 64, 1_000


@dataclass(frozen=True)
class Arrow:
    """All edges from one node to another, with what is written at them; `is_error` if they are taken for an error only."""

    source: Node
    target: Node
    label: str
    is_error: bool


def size_of(scope: Scope) -> int:
    """How many nodes there are, with those of bodies."""
    return sum(len(each.nodes) for each in scope.within())


def outline(scope: Scope) -> dict[str, list[dict[str, Any]]]:
    """The nodes and edges as data, with those of bodies; `loop` is the id of the node whose body they are in."""
    scopes = list(scope.within())
    return {
        "nodes": [_node(node, each) for each in scopes for node in each.nodes],
        "edges": [_edge(edge, each) for each in scopes for edge in each.edges],
    }


def _node(node: Node, scope: Scope) -> dict[str, Any]:
    return {"path": node.path, "id": node.id, "name": name_of(node), "type": node.type, "loop": _loop(scope)}


def _edge(edge: Edge, scope: Scope) -> dict[str, Any]:
    return {"from": edge.source, "to": edge.target, "on": edge.on, "condition": edge.condition, "loop": _loop(scope)}


def _loop(scope: Scope) -> str | None:
    return None if scope.loop is None else scope.loop.id


def name_of(node: Node) -> str:
    """What people call it: its name, its id, or where it stands; of a draft, the beginning."""
    name = node.written.get("name")
    return (name if isinstance(name, str) and name.strip() else node.id or node.path)[:_LONGEST_NAME]


def caption_of(node: Node) -> str:
    """The same with its type."""
    return f"{name_of(node)} ({node.type[:_LONGEST_TYPE]})" if node.type else name_of(node)


def arrows(scope: Scope) -> Iterator[Arrow]:
    """The edges between nodes of the graph, those between the same two as one."""
    between: dict[tuple[str, str], list[Edge]] = {}
    for edge in scope.inner_edges:
        between.setdefault((edge.source, edge.target), []).append(edge)
    for (source, target), edges in between.items():
        yield Arrow(scope.by_id[source], scope.by_id[target], _label(edges), all(edge.on == ERROR for edge in edges))


def _label(edges: Sequence[Edge]) -> str:
    """What is written at the edges; nothing at one that is always taken."""
    return ", ".join(text for edge in edges if (text := _condition(edge)))[:_LONGEST_LABEL]


def _condition(edge: Edge) -> str:
    on = "" if edge.on == DONE else edge.on
    return f"{on} if {edge.condition}".strip() if edge.condition else on
