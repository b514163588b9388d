"""Build the nodes, edges and report of an import."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..hookspecs import Mapped, Named
from .terms import Term, path

#: How many tasks a document may have.
MOST_TASKS = 200
_LONGEST_ID = 40


@dataclass(frozen=True)
class State:
    """The data between two tasks: what the last one gave, and the context that tasks export to."""

    value: Term
    context: Term


@dataclass(frozen=True)
class Link:
    """Where an edge comes from: a node, and the outcome of it."""

    source: str
    on: str = "done"


@dataclass(frozen=True)
class Cursor:
    """A point of a graph at which something can follow: after those links, with that data. The beginning has no links."""

    links: tuple[Link, ...]
    state: State


@dataclass
class Scope:
    """A graph that is being made: that of the workflow, or the body of a loop."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    edges: list[dict[str, Any]] = field(default_factory=list)


class Report:
    """The ids that are taken, what became of each task, and what tasks name that is elsewhere, for one document."""

    def __init__(self, mapping: Mapping[str, str]) -> None:
        self.mapping = mapping
        self.parts: list[Mapped] = []
        self._ids: set[str] = set()
        self._named: dict[tuple[str, str], list[str]] = {}

    def new_id(self, name: str, suffix: str = "") -> str:
        """An id like the name, which no other node has."""
        snake = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name[:200]).lower()).strip("_")
        start = re.sub(r"^(?![a-z])", "t_", snake)
        tries = (f"{suffix}{'' if number == 1 else f'_{number}'}" for number in range(1, len(self._ids) + 2))
        found = next(each for end in tries if (each := start[: _LONGEST_ID - len(end)].rstrip("_") + end) not in self._ids)
        self._ids.add(found)
        return found

    def told(self, at: str, node: str | None, reasons: Iterable[str] = (), *, left_out: bool = False) -> None:
        """Tell what became of a task."""
        self.parts.append(Mapped(at, node, tuple(dict.fromkeys(reasons)), left_out))

    def stands_for(self, ref: str, type_: str, at: str) -> str | None:
        """What the mapping says stands here for what the task names; None where it says nothing."""
        self._named.setdefault((ref, type_), []).append(at)
        return self.mapping.get(ref)

    @property
    def named(self) -> list[Named]:
        """What tasks name that is elsewhere."""
        return [Named(ref, type_, paths) for (ref, type_), paths in self._named.items()]


def output_of(node_id: str) -> Term:
    """The output of a node, as a term."""
    return path(f"nodes.{node_id}.output")


def add(scope: Scope, after: Cursor, node: dict[str, Any], state: State | None = None, on: str = "done") -> Cursor:
    """Put a node after a cursor; returns the cursor after it, with its output as the value unless another state is said."""
    scope.nodes.append(node)
    for link in after.links:
        scope.edges.append({"from": link.source, "to": node["id"], **({"on": link.on} if link.on != "done" else {})})
    return Cursor((Link(node["id"], on),), state or State(output_of(node["id"]), after.state.context))


def transform(scope: Scope, after: Cursor, node_id: str, value: Any, state: State | None = None) -> Cursor:
    """Put a node after a cursor that makes a value."""
    return add(scope, after, {"id": node_id, "type": "transform", "config": {"value": value}}, state)


def whole(expression: str) -> str:
    """An expression as the whole of a value."""
    return f"{{{{ {expression} }}}}"


def together(scope: Scope, report: Report, cursors: Sequence[Cursor], name: str) -> Cursor:
    """One cursor where several meet, of which a run comes by one; a node picks the data where they are not the same."""
    states = [each.state for each in cursors]
    links = tuple(link for each in cursors for link in each.links)
    if all(state == states[0] for state in states):
        return Cursor(links, states[0])
    node_id, contexts = report.new_id(name, "_data"), [state.context for state in states]
    value = {"value": _picked(cursors, [state.value for state in states])}
    made = State(path(f"nodes.{node_id}.output.value"), contexts[0])
    if any(context != contexts[0] for context in contexts):
        value["context"] = _picked(cursors, contexts)
        made = replace(made, context=path(f"nodes.{node_id}.output.context"))
    return transform(scope, Cursor(links, states[0]), node_id, value, made)


def _picked(cursors: Sequence[Cursor], found: Sequence[Term]) -> str:
    text = found[-1].value
    for cursor, term in zip(reversed(cursors[:-1]), reversed(found[:-1]), strict=True):
        came = " || ".join(
            f'(has(nodes.{link.source}.outcome) && nodes.{link.source}.outcome == "{link.on}")' for link in cursor.links
        )
        text = f"({came} ? dyn({term.value}) : {text})"
    return whole(text)
