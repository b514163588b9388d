"""The part of a definition that a decision lets continue: what follows its node, and what that depends on."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from .definition import Definition, all_nodes, body_of
from .kernel.graph import Graph

#: What names a node, and says nothing of what it does.
_NAMES = ("name", "was")


def following(definition: Definition, node_id: str) -> dict[str, Any]:
    """The nodes that follow one, those which these wait for besides, the edges between them and the output, as they are written.

    What has ended before the node begins is left out. A node in a loop is followed by the whole loop.
    """
    graph, outermost = definition.graph, _outermost(definition, node_id)
    later = after(graph, {outermost})
    ids = (later | before(graph, later)) - before(graph, {outermost}) - {outermost}
    return {
        "nodes": {id_: _plain(definition.nodes[id_]) for id_ in {*ids, outermost} - {node_id}},
        "edges": sorted(_edges(graph, ids)),
        "output": definition.written.get("output"),
    }


def after(graph: Graph, ids: Collection[str]) -> set[str]:
    """The nodes that come after these, by whatever way."""
    return _reached(ids, lambda id_: [graph.edges[number].target for number in graph.outgoing[id_]])


def before(graph: Graph, ids: Collection[str]) -> set[str]:
    """The nodes that come before these, by whatever way."""
    return _reached(ids, lambda id_: [graph.edges[number].source for number in graph.incoming[id_]])


def _reached(ids: Collection[str], next_of: Callable[[str], list[str]]) -> set[str]:
    found, todo = set[str](), list(ids)
    while todo:
        more = set(next_of(todo.pop())) - found
        found |= more
        todo += more
    return found


def preceding(definition: Definition, node_id: str) -> set[str]:
    """The ids of the nodes that have ended, or are skipped, before one begins: in its body, and around the loops that it is in."""
    return set(_preceding(definition.graph, node_id) or ())


def _preceding(graph: Graph, node_id: str) -> set[str] | None:
    if node_id in graph.nodes:
        return before(graph, {node_id})
    for id_, node in graph.nodes.items():
        if node.loop is not None and (inner := _preceding(node.loop.body, node_id)) is not None:
            return inner | before(graph, {id_})
    return None


def _outermost(definition: Definition, node_id: str) -> str:
    """The node itself, or the outermost loop that it is in."""
    return next(
        str(node["id"])
        for node in definition.written["nodes"]
        if node["id"] == node_id or any(each["id"] == node_id for each in all_nodes(body_of(node) or {"nodes": ()}))
    )


def _edges(graph: Graph, ids: set[str]) -> Iterator[list[str]]:
    for edge in graph.edges:
        if edge.target in ids:
            yield [edge.source, edge.target, edge.on, edge.condition or ""]


def _plain(node: Mapping[str, Any]) -> dict[str, Any]:
    """A node without its names, also in its body."""
    config = {name: value for name, value in (node.get("config") or {}).items() if name != "body"}
    plain = {name: value for name, value in node.items() if name not in _NAMES}
    if (body := body_of(node)) is None:
        return {**plain, "config": config}
    edges = [[each["from"], each["to"], each.get("on", "done"), each.get("condition") or ""] for each in body.get("edges") or ()]
    inner = {**body, "nodes": {each["id"]: _plain(each) for each in body["nodes"]}, "edges": sorted(edges)}
    return {**plain, "config": {**config, "body": inner}}
