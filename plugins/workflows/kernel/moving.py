"""Decide whether a run could have reached its state in another graph; then it can continue there.

Only begun nodes count. Each must be unchanged, something must have let it begin, and its errors must still be taken. Ready and skipped
nodes have done nothing, and are decided again. The nodes of the two graphs have the same ids where one continues the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from .decide import cause_of, is_stopped
from .flow import CANCELLED, ERROR, RUN, SKIPPED, Flow, Instance, loop_of, path_in, starts
from .graph import Graph

#: Why a run cannot move: the node is `gone`, or `changed`; what leads to it would not have let it begin (`way`); a new `condition` decides
#: what follows it; nothing takes its `error`; the `body` of the loop changed, or what the join `cancels`; it has failed, and is `ending`.
Reason = Literal["gone", "changed", "way", "condition", "error", "body", "cancels", "ending"]


@dataclass(frozen=True, slots=True)
class Difference:
    """What of two graphs differs that they do not hold: the ids of nodes whose `work` is another, of those that treat `errors` in another
    way, and of loops with another `body`; and the `conditions` of edges that mean something else than before.
    """

    work: frozenset[str] = frozenset()
    errors: frozenset[str] = frozenset()
    body: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Moves:
    """The run continues as this flow; `begins` means that a node begins at once."""

    flow: Flow
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Cannot:
    """What is in the way, and why."""

    path: str
    reason: Reason


def move(flow: Flow, graph: Graph, difference: Difference) -> Moves | Cannot:
    """Return the flow in the other graph, or the obstacle."""
    moved, begins = replace(flow, graph=graph, instances={}), False
    scopes = {RUN, *(each.scope for each in flow.instances.values())}
    for scope in sorted(scopes, key=lambda scope: (scope != RUN, scope.count("."))):
        found = _move_scope(flow, scope, moved.graph_of(scope), difference)
        if isinstance(found, Cannot):
            return found
        moved, begins = replace(moved, instances={**moved.instances, **found.flow.instances}), begins or found.begins
    return Moves(moved, begins)


def _move_scope(flow: Flow, scope: str, graph: Graph, difference: Difference) -> Moves | Cannot:
    there = flow.of_scope(scope)
    begun = {id_: each for id_, each in there.items() if has_begun(each)}
    if (problem := next(_differences(flow, scope, begun, graph, difference), None)) is not None:
        return problem
    for id_, each in begun.items():
        if (taken := _taken(flow.graph_of(scope), graph, each, difference)) is None:
            return Cannot(each.path, "condition")
        begun[id_] = replace(each, taken=taken)
    settled = _settled(graph, scope, begun)
    if (problem := next(_unfounded(graph, begun, settled), None)) is not None:
        return problem
    ready = {node.id for node in graph.nodes.values() if node.id not in settled and starts(graph, settled, node)}
    waiting = {id_: each for id_, each in there.items() if id_ in ready and each.state == "ready"}
    skipped = {id_: each for id_, each in there.items() if id_ in settled and each.outcome == SKIPPED}
    instances = {each.path: each for each in (*begun.values(), *waiting.values(), *skipped.values())}
    if scope != RUN and not instances:
        return Cannot(loop_of(scope), "body")
    return Moves(replace(flow, instances=instances), begins=len(ready) > len(waiting))


def has_begun(instance: Instance) -> bool:
    """Whether something was done for it, or is to be."""
    return instance.state != "ready" and instance.outcome != SKIPPED


def _differences(flow: Flow, scope: str, begun: Mapping[str, Instance], graph: Graph, difference: Difference) -> Iterator[Cannot]:
    """What is another node than the one that has begun."""
    before = flow.graph_of(scope)
    if is_stopped(flow, scope):
        yield Cannot(cause_of(flow, scope) or loop_of(scope), "ending")
    for id_, each in begun.items():
        if id_ not in graph.nodes:
            yield Cannot(each.path, "gone")
        elif id_ in difference.work or (id_ in difference.errors and each.outcome == ERROR):
            yield Cannot(each.path, "changed")
        elif id_ in difference.body and (each.over or (each.state == "ended" and each.begun)):
            yield Cannot(each.path, "body")
        elif graph.nodes[id_].join.cancels_rest and graph.only_for(id_) != before.only_for(id_):
            yield Cannot(each.path, "cancels")


def _taken(before: Graph, after: Graph, instance: Instance, difference: Difference) -> tuple[int, ...] | None:
    """Return the edges that it took, by their numbers in the other graph; None if unknown."""
    if instance.state != "ended" or instance.outcome == CANCELLED:
        return ()
    own = [(n, before.edges[n]) for n in before.outgoing[instance.node]]
    held = {edge.condition: n in instance.taken for n, edge in own if edge.on == instance.outcome}
    taken = list[int]()
    for number in after.outgoing[instance.node]:
        edge = after.edges[number]
        if edge.on != instance.outcome:
            continue
        if edge.condition is not None and (edge.condition not in held or edge.condition in difference.conditions):
            return None
        if edge.condition is None or held[edge.condition]:
            taken.append(number)
    return tuple(taken)


def _settled(graph: Graph, scope: str, begun: Mapping[str, Instance]) -> Mapping[str, Instance]:
    """What has begun, and what is skipped by it."""
    settled = dict(begun)
    while skipped := [id_ for id_, node in graph.nodes.items() if id_ not in settled and starts(graph, settled, node) is False]:
        settled |= {id_: Instance(path_in(scope, id_), scope, id_, 0, "ended", SKIPPED) for id_ in skipped}
    return settled


def _unfounded(graph: Graph, begun: Mapping[str, Instance], settled: Mapping[str, Instance]) -> Iterator[Cannot]:
    """What would have failed, or not have begun."""
    for id_, each in begun.items():
        if each.is_failure:
            yield Cannot(each.path, "error")
        elif not starts(graph, settled, graph.nodes[id_]):
            yield Cannot(each.path, "way")


# Other names.


def renamed(path: str, names: Mapping[str, str]) -> str:
    """A path, or a scope, with the ids in it by their new names; what has none stays."""
    return ".".join(_renamed(segment, names) for segment in path.split("."))


def _renamed(segment: str, names: Mapping[str, str]) -> str:
    id_ = segment.partition("[")[0].partition("#")[0]
    return names.get(id_, id_) + segment[len(id_) :]


def with_names(flow: Flow, graph: Graph, names: Mapping[str, str]) -> Flow:
    """The flow in the same graph with other names."""
    instances = (
        replace(
            each,
            path=renamed(each.path, names),
            scope=renamed(each.scope, names),
            node=names.get(each.node, each.node),
            cause=each.cause and renamed(each.cause, names),
        )
        for each in flow.instances.values()
    )
    return replace(flow, graph=graph, instances={each.path: each for each in instances})
