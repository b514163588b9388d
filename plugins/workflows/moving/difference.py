"""The difference of two versions of a definition, as far as it matters to a run."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..definition import Definition, body_of, read
from ..following import following
from ..kernel.graph import Edge, Graph
from ..kernel.moving import Difference

#: What goes before the id of a node that is gone, so that it is no id of another.
GONE = "~"
#: The fields that define a node's work; its name, retries, limits and compensation may change for a continuing run.
_WORK = ("type", "input")
#: The same of a config: how many items are at work at a time may change.
_NO_WORK = ("body", "concurrency")
_CONTINUE = "continue"
_NAMED = re.compile(r"\bnodes\s*\.\s*([a-z][a-z0-9_]*)")
_VARIABLE = re.compile(r"\bvars\b(?:\s*\.\s*([A-Za-z_]\w*))?")


@dataclass(frozen=True)
class Change:
    """Two versions: the `names` in the later one by those in the former, its graph with these names, and what differs.

    The `continuations` are the ids of nodes that something else follows, see `following`.
    """

    names: Mapping[str, str]
    before: Graph
    after: Graph
    difference: Difference
    continuations: frozenset[str] = frozenset()


def change(versions: Sequence[Definition], *, is_back: bool = False) -> Change:
    """The change from the first of these versions to the last, or the other way round; those between say what became of names."""
    names = _names(versions)
    before, after = versions[0], versions[-1]
    if is_back:
        before, after = after, before
        names = _inverse(names, before)
    return _Comparison(read(_renamed(before.written, names)), after).change(names)


def _names(versions: Sequence[Definition]) -> dict[str, str]:
    """What the nodes of the first version are called in the last: as that says, or else as those between do."""
    direct = _continued(versions[0].nodes, versions[-1])
    stepwise = {id_: id_ for id_ in versions[0].nodes}
    for version in versions[1:]:
        step = _continued(set(stepwise.values()), version)
        stepwise = {id_: step.get(name, name) for id_, name in stepwise.items()}
    taken = set(direct.values())
    return {id_: stepwise[id_] if name == GONE + id_ and stepwise[id_] not in taken else name for id_, name in direct.items()}


def _continued(ids: Iterable[str], after: Definition) -> dict[str, str]:
    """The ids by those of the version before: what says that it `was` one, or else has the same."""
    former = set(ids)
    claims = {node["was"]: id_ for id_, node in after.nodes.items() if node.get("was") in former}
    claiming = set(claims.values())
    same = {id_: id_ for id_ in former & after.nodes.keys() if id_ not in claiming}
    return {id_: claims.get(id_) or same.get(id_) or GONE + id_.removeprefix(GONE) for id_ in former}


def _inverse(names: Mapping[str, str], before: Definition) -> dict[str, str]:
    former = {name: id_ for id_, name in names.items()}
    return {id_: former.get(id_, GONE + id_) for id_ in before.nodes}


def _renamed(graph: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The graph as it is written with other names, also in its expressions."""
    edges = [
        {**_named(edge, names), **{end: names.get(edge[end], edge[end]) for end in ("from", "to")}}
        for edge in graph.get("edges") or ()
    ]
    nodes = [_renamed_node(node, names) for node in graph["nodes"]]
    output = {"output": _named(graph["output"], names)} if "output" in graph else {}
    return {**graph, **output, "nodes": nodes, "edges": edges}


def _renamed_node(node: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    config = {name: value for name, value in (node.get("config") or {}).items() if name != "body"}
    named = {name: _named(node[name], names) for name in node if name not in ("id", "was", "config", "name")}
    body = body_of(node)
    inner = {} if body is None else {"body": _renamed(body, names)}
    return {**named, "id": names[node["id"]], "config": {**_named(config, names), **inner}}


def _named(value: Any, names: Mapping[str, str]) -> Any:
    """The value with other names in its expressions."""
    if isinstance(value, str):
        return _NAMED.sub(lambda found: f"nodes.{names.get(found[1], found[1])}", value)
    if isinstance(value, Mapping):
        return {name: _named(each, names) for name, each in value.items()}
    return [_named(each, names) for each in value] if isinstance(value, list) else value


class _Comparison:
    """Compares two definitions that call what continues each other by the same ids."""

    def __init__(self, before: Definition, after: Definition) -> None:
        self._before, self._after = before, after
        names = {*before.variables, *after.variables}
        self._other = {name for name in names if before.variables.get(name) != after.variables.get(name)}

    def change(self, names: Mapping[str, str]) -> Change:
        both = self._before.nodes.keys() & self._after.nodes.keys()
        pairs = {id_: (self._before.nodes[id_], self._after.nodes[id_]) for id_ in both}
        difference = Difference(
            work=frozenset(id_ for id_, pair in pairs.items() if self._does(*pair)),
            errors=frozenset(id_ for id_, (old, new) in pairs.items() if old.get("on_error") != new.get("on_error")),
            body=frozenset(id_ for id_, pair in pairs.items() if self._has_other_body(*pair)),
            conditions=frozenset(filter(self._means_other, _conditions(self._after.graph))),
        )
        continuations = frozenset(filter(self._is_followed_otherwise, both))
        return Change(names, self._before.graph, self._after.graph, difference, continuations)

    def _is_followed_otherwise(self, id_: str) -> bool:
        former = following(self._before, id_)
        return former != following(self._after, id_) or self._means_other(former)

    def _does(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        """Whether the two do something else; a node that continued after an error, and would not now, differs."""
        work = _work_of(old)
        catches = old.get("on_error") == _CONTINUE and new.get("on_error") != _CONTINUE
        return work != _work_of(new) or self._means_other(work) or catches

    def _has_other_body(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        former, latter = body_of(old), body_of(new)
        if former is None or latter is None:
            return former is not latter
        pairs = _pairs(former["nodes"], latter["nodes"])
        return (
            pairs is None
            or any(self._does(*pair) or self._has_other_body(*pair) or _differ(*pair, "on_error") for pair in pairs)
            or _edges(former) != _edges(latter)
            or _differ(former, latter, "output")
            or any(map(self._means_other, [former.get("output"), *(each[3] for each in _edges(former))]))
        )

    def _means_other(self, value: Any) -> bool:
        """Whether an expression in the value names a variable that has another value now."""
        if isinstance(value, str):
            return any(not name or name in self._other for name in _VARIABLE.findall(value)) if self._other else False
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
        return any(map(self._means_other, inner))


def _work_of(node: Mapping[str, Any]) -> Mapping[str, Any]:
    config = {name: value for name, value in (node.get("config") or {}).items() if name not in _NO_WORK}
    return {**{name: node.get(name) for name in _WORK}, "config": config}


def _pairs(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[Any, Any]] | None:
    """The nodes of two bodies by twos; None where these have others."""
    former, latter = ({node["id"]: node for node in nodes} for nodes in (old, new))
    return [(former[id_], latter[id_]) for id_ in former] if former.keys() == latter.keys() else None


def _differ(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> bool:
    return old.get(name) != new.get(name)


def _edges(graph: Mapping[str, Any]) -> set[tuple[str, str, str, str | None]]:
    return {(each["from"], each["to"], each.get("on", "done"), each.get("condition")) for each in graph.get("edges") or ()}


def _conditions(graph: Graph) -> Iterable[str]:
    edges: list[Edge] = list(graph.edges)
    yield from (edge.condition for edge in edges if edge.condition is not None)
    for node in graph.nodes.values():
        if node.loop is not None:
            yield from _conditions(node.loop.body)
