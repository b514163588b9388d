"""Validate that edges match the outcomes of their nodes, errors, joins and ends."""

from collections.abc import Iterator, Sequence

from .faults import Fault, advice, below, listed
from .tree import Edge, Node, Scope
from .types import Types

_ERROR = "error"


def faults(root: Scope, types: Types) -> Iterator[Fault]:
    """The faults of edges and nodes together."""
    for scope in root.within():
        for edge in scope.edges:
            if (source := scope.by_id.get(edge.source)) is not None:
                yield from _of_edge(edge, source, types.outcomes(source))
        for node in scope.nodes:
            ways = scope.edges_from.get(node.id, [])
            yield from _of_errors(node, ways)
            yield from _untaken(node, ways, types.outcomes(node))
            yield from _of_join(node, scope)
            yield from _of_end(node)


def _of_edge(edge: Edge, source: Node, outcomes: Sequence[str] | None) -> Iterator[Fault]:
    if source.type == "end":
        message = f"Nothing comes after {source.id}, which ends the run; leave the edge out, or give {source.id} another type."
        yield Fault(below(edge.path, "from"), "after_end", message)
    elif outcomes is not None and edge.on and edge.on not in (*outcomes, _ERROR):
        known = advice(edge.on, [*outcomes, _ERROR])
        message = f"{source.id} is of the type {source.type}, and does not end with {edge.on[:64]} as it is written.{known}"
        yield Fault(below(edge.path, "on"), "unknown_outcome", message)


def _of_errors(node: Node, ways: Sequence[Edge]) -> Iterator[Fault]:
    wanted, has_edge = node.written.get("on_error"), any(edge.on == _ERROR for edge in ways)
    path = below(node.path, "on_error")
    if has_edge and wanted in ("fail", "continue"):
        message = f"An edge takes the errors of {node.id}, and on_error says {wanted}; write branch, or leave one of them out."
        yield Fault(path, "contradiction", message)
    if wanted == "branch" and not has_edge:
        yield Fault(
            path, "contradiction", 'branch needs an edge with "on": "error" from the node; add one, or leave on_error out.'
        )


def _untaken(node: Node, ways: Sequence[Edge], outcomes: Sequence[str] | None) -> Iterator[Fault]:
    """A hint where some outcomes have an edge and others have not."""
    taken = {edge.on for edge in ways if edge.on != _ERROR}
    left = [outcome for outcome in outcomes or () if outcome not in taken]
    if left and taken and taken.issubset(outcomes or ()):
        message = f"No edge takes the outcome {listed(left)} of {node.id}: nothing comes after it then."
        yield Fault(node.path, "outcome_without_edge", message, is_hint=True)


def _of_join(node: Node, scope: Scope) -> Iterator[Fault]:
    if node.type != "join":
        return
    count, branches = node.config.get("count"), len({edge.source for edge in scope.edges_to.get(node.id, [])})
    if isinstance(count, int) and count > branches:
        message = f"{count} branches cannot arrive, since {branches} lead here; write at most {branches}, or add edges."
        yield Fault(below(node.path, "config", "count"), "join_unreachable", message)
    elif branches < 2:
        yield Fault(node.path, "join_of_one", f"{branches} branches lead to this join, which needs none then.", is_hint=True)


def _of_end(node: Node) -> Iterator[Fault]:
    if node.type == "end" and node.scope.loop is not None:
        message = f"An end cannot be in the body of {node.scope.loop.id}: it ends the run; leave it out, or let the loop fail."
        yield Fault(below(node.path, "type"), "end_in_body", message)
