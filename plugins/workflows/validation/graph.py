"""Validate graphs: unique ids, ends of edges, cycles, and unreachable nodes."""

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from aasim_core.user_code import expressions
from aasim_core.user_code.cel_text import variables

from .faults import Fault, advice, below
from .tree import Edge, Node, Scope

#: Ids that mean something else in paths and expressions.
_RESERVED = frozenset({"compensate", "in", "true", "false", "null"})


def faults(root: Scope) -> Iterator[Fault]:
    """The faults of the graphs."""
    nodes = [node for scope in root.within() for node in scope.nodes]
    yield from _of_ids(nodes, "id")
    yield from _of_ids(nodes, "was")
    home = {node.id: node for node in reversed(nodes) if node.id}
    for scope in root.within():
        yield from (fault for edge in scope.edges for fault in _of_ends(scope, edge, home))
        yield from _duplicates(scope)
        yield from _cycles(scope)
        yield from _unreachable(scope)


def _of_ids(nodes: Sequence[Node], name: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for node in nodes:
        node_id = node.written.get(name)
        if not isinstance(node_id, str):
            continue
        if node_id in _RESERVED:
            yield Fault(below(node.path, name), "reserved_id", f"{node_id} has a meaning of its own; choose another id.")
        elif node_id in seen:
            message = f"Another node has the {name} {node_id[:40]}; it is unique in the whole workflow, bodies included."
            yield Fault(below(node.path, name), "duplicate_id", message)
        seen.add(node_id)


def _of_ends(scope: Scope, edge: Edge, home: dict[str, Node]) -> Iterator[Fault]:
    if edge.source == edge.target and edge.source in scope.by_id:
        message = f"{edge.source} cannot come after itself; put what is to be repeated into the body of a while."
        yield Fault(edge.path, "self_edge", message)
    for end, node_id in (("from", edge.source), ("to", edge.target)):
        if node_id not in scope.by_id:
            yield _stray_end(scope, below(edge.path, end), node_id, home)


def _stray_end(scope: Scope, path: str, node_id: str, home: dict[str, Node]) -> Fault:
    if (node := home.get(node_id)) is None:
        return Fault(path, "unknown_node", f"There is no node {node_id[:40]} here.{advice(node_id, list(scope.by_id))}")
    where = f"in the body of {node.scope.loop.id}" if node.scope.loop else "outside of this body"
    return Fault(
        path, "edge_across_bodies", f"The node {node_id} is {where}, and an edge stays within one body; connect the loop instead."
    )


def _duplicates(scope: Scope) -> Iterator[Fault]:
    seen: set[tuple[str, str, str, str | None]] = set()
    for edge in scope.edges:
        key = (edge.source, edge.target, edge.on, edge.condition)
        if key in seen:
            yield Fault(
                edge.path, "duplicate_edge", f"There is the same edge from {edge.source[:40]} already; leave one of them out."
            )
        seen.add(key)


def _cycles(scope: Scope) -> Iterator[Fault]:
    """One fault for each circle that has no node in common with another."""
    before = {node_id: {edge.source for edge in edges} for node_id, edges in scope.edges_to.items()}
    while cycle := _cycle(before):
        way = " → ".join([*cycle, cycle[0]] if len(cycle) <= 10 else [*cycle[:10], "…", cycle[0]])
        message = f"{way} is a circle, in which no node ever starts; put what is to be repeated into the body of a while."
        yield Fault(scope.by_id[cycle[0]].path, "cycle", message)
        before = {node_id: sources - set(cycle) for node_id, sources in before.items() if node_id not in cycle}


def _cycle(before: dict[str, set[str]]) -> list[str]:
    """The nodes of a circle, in the order of its edges, from the one that comes first in the definition; empty where there is none."""
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        found: list[str] = error.args[1][:-1]
        place = {node_id: n for n, node_id in enumerate(before)}
        start = found.index(min(found, key=lambda node_id: place[node_id]))
        return found[start:] + found[:start]
    return []


def _unreachable(scope: Scope) -> Iterator[Fault]:
    """What all edges to which have a condition that never holds; what comes after it is not reported again."""
    for node_id, edges in scope.edges_to.items():
        if edges and all(_never_holds(edge.condition) for edge in edges):
            message = f"No way leads to {node_id}: the condition of each edge to it is never true; leave the condition out, or the node."
            yield Fault(scope.by_id[node_id].path, "unreachable", message)


def _never_holds(condition: str | None) -> bool:
    """Whether the condition is false whatever the data are."""
    if condition is None or variables(condition) or expressions.flaw(condition, ()):
        return False
    try:
        return expressions.evaluate(condition, {}) is False
    except ValueError:
        return False


def ancestors(scope: Scope) -> dict[str, set[str]]:
    """For each node of the graph, those from which a way leads to it, by their ids."""
    ids = list(scope.by_id)
    place = {node_id: n for n, node_id in enumerate(ids)}
    found = [sum(1 << place[source] for source in {edge.source for edge in scope.edges_to[node_id]}) for node_id in ids]
    for way in range(len(ids)):
        found = [bits | found[way] if bits >> way & 1 else bits for bits in found]
    return {node_id: {ids[n] for n in range(len(ids)) if found[place[node_id]] >> n & 1} for node_id in ids}
