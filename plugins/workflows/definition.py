"""A valid definition, prepared for runs: its graph, and the configuration of each node."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .kernel.graph import Edge, Graph, Join, Loop, Node

#: The version of the language that definitions are written in.
LANGUAGE = 1
#: Nodes that have nothing to lose when they are cancelled.
_WAITING = frozenset({"wait", "approval"})
_CONCURRENCY = 8
#: The types of nodes that run a body again and again.
LOOPS = frozenset({"foreach", "while"})


@dataclass(frozen=True)
class Definition:
    """The graph, and the nodes of it and of its bodies by their ids, as they are written."""

    graph: Graph
    nodes: Mapping[str, Mapping[str, Any]]
    variables: Mapping[str, Any]
    written: Mapping[str, Any]


def read(written: Mapping[str, Any]) -> Definition:
    """The definition of a JSON value that has no faults."""
    nodes = {node["id"]: node for node in all_nodes(written)}
    return Definition(_graph(written), nodes, written.get("variables") or {}, written)


def all_nodes(graph: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every node of a graph as it is written, and of the bodies in it."""
    for node in graph["nodes"]:
        yield node
        if (body := body_of(node)) is not None:
            yield from all_nodes(body)


def body_of(node: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The body of a node as it is written; None of one that is no loop."""
    return (node.get("config") or {}).get("body") if node["type"] in LOOPS else None


def _graph(written: Mapping[str, Any]) -> Graph:
    edges = [Edge(each["from"], each["to"], each.get("on", "done"), each.get("condition")) for each in written.get("edges") or ()]
    return Graph({node["id"]: _node(node) for node in written["nodes"]}, tuple(edges))


def _node(written: Mapping[str, Any]) -> Node:
    kind, config = written["type"], written.get("config") or {}
    return Node(
        written["id"],
        join=_join(config) if kind == "join" else Join(),
        loop=_loop(kind, config) if body_of(written) is not None else None,
        waits=kind in _WAITING,
        ends=kind == "end",
    )


def _join(config: Mapping[str, Any]) -> Join:
    return Join(config.get("mode", "all"), config.get("count", 1), config.get("rest", "let_run") == "cancel")


def _loop(kind: Any, config: Mapping[str, Any]) -> Loop:
    skips_errors = config.get("on_item_error", "fail") == "continue"
    concurrency = config.get("concurrency", _CONCURRENCY) if kind == "foreach" else 1
    return Loop(kind, _graph(config["body"]), concurrency, skips_errors)
