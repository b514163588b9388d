"""Validate expressions: their syntax, and the names that they use."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aasim_core.events.facts import FIELDS
from aasim_core.text.json import to_json
from aasim_core.user_code import expressions, values
from aasim_core.user_code.cel_text import Variable, variables

from ..hookspecs import NodeType
from ..shell.data import NAMES
from .faults import Fault, advice, below, listed
from .graph import ancestors
from .tree import Node, Scope
from .types import Types, expressions_of

#: How many bytes the expressions of a definition may have together, since reading one takes some microseconds for each byte.
MOST_BYTES = 65_536
#: What a short one counts for.
LEAST_BYTES = 32
_OF_NODE = ("output", "error", "outcome")
_OF_RUN = ["id", "workflow_id", "version"]


@dataclass(frozen=True)
class _View:
    """What can be named in one place: the `names`, and the nodes that are `over` by then; `has_item` is whether a loop gives an item.

    With `loops`, an expression may go through lists.
    """

    scope: Scope
    over: Collection[str]
    has_item: bool
    names: Collection[str] = NAMES
    loops: bool = False


def faults(root: Scope, types: Types) -> Iterator[Fault]:
    """The faults of expressions."""
    reader = _Reader(root)
    yield from reader.of_concurrency(root)
    for scope in root.within():
        for node in scope.nodes:
            yield from reader.of_node(node, types.of(node))
        for edge in scope.edges:
            if edge.condition:
                yield from reader.of_expression(
                    below(edge.path, "condition"), edge.condition, reader.view_after(scope, edge.source)
                )
        yield from reader.of_value(below(scope.path, "output"), scope.written.get("output"), reader.view_at_end(scope))


class _Reader:
    """Reads the expressions of a definition, up to MOST_BYTES."""

    def __init__(self, root: Scope) -> None:
        self._home = {node.id: node for scope in root.within() for node in reversed(scope.nodes) if node.id}
        self._before = {scope: ancestors(scope) for scope in root.within()}
        variables_ = root.written.get("variables")
        self._known: Mapping[str, Sequence[str]] = {
            "vars": list(variables_) if isinstance(variables_, Mapping) else [],
            "run": _OF_RUN,
            "node": ["output"],
            "event": FIELDS,
        }
        self._left = MOST_BYTES

    # What can be named.

    def view_at_end(self, scope: Scope) -> _View:
        """At the end of the graph."""
        return _View(scope, {*scope.by_id, *self._around(scope)}, scope.loop is not None)

    def view_after(self, scope: Scope, node_id: str) -> _View:
        """After a node; at the end, if there is none of that id."""
        if node_id not in scope.by_id:
            return self.view_at_end(scope)
        return _View(scope, {node_id, *self._before[scope][node_id], *self._around(scope)}, scope.loop is not None)

    def _view_before(self, node: Node) -> _View:
        return _View(node.scope, self._over_before(node), node.scope.loop is not None)

    def _over_before(self, node: Node) -> set[str]:
        return {*self._before[node.scope].get(node.id, ()), *self._around(node.scope)}

    def _around(self, scope: Scope) -> set[str]:
        return self._over_before(scope.loop) if scope.loop is not None else set()

    # What there is to read.

    def of_concurrency(self, root: Scope) -> Iterator[Fault]:
        """The expression by which runs wait for each other."""
        concurrency = root.written.get("concurrency")
        key = concurrency.get("key") if isinstance(concurrency, Mapping) else None
        if isinstance(key, str) and key:
            yield from self.of_expression("concurrency.key", key, _View(root, (), has_item=False, names=("input",)))

    def of_node(self, node: Node, kind: NodeType | None) -> Iterator[Fault]:
        """The expressions of a node."""
        view, path = self._view_before(node), below(node.path, "config")
        for at, text in expressions_of(node.config, kind) if kind is not None else ():
            is_of_rounds = node.is_loop and "items" not in node.config
            names = (*NAMES, "event") if kind is not None and at in kind.filters else NAMES
            here = replace(view, has_item=view.has_item or is_of_rounds, names=names, loops=_may_loop(kind, at))
            yield from self.of_expression(f"{path}.{at}", text, here)
        for name, value in _filled(node, kind):
            yield from self.of_value(below(path, name), value, replace(view, loops=_may_loop(kind, name)))
        yield from self.of_value(below(node.path, "input"), node.written.get("input"), view)
        if (undoing := node.compensation) is not None:
            around = replace(view, over={*view.over, node.id}, names=(*NAMES, "node"))
            for name in ("config", "input"):
                yield from self.of_value(below(undoing.path, name), undoing.written.get(name), around)

    def of_value(self, path: str, value: Any, view: _View) -> Iterator[Fault]:
        """The expressions in a value that is filled in."""
        yield from (Fault(path + at, "invalid_expression", values.OPEN) for at in values.open_places(value))
        found = list(values.places(value))
        if len(found) > values.MOST_PLACES:
            message = f"There are {len(found)} expressions here, and {values.MOST_PLACES} is the most; name an object as a whole instead."
            yield Fault(path, "too_many_items", message)
        if value is not None and len(to_json(value)) > values.LONGEST_FILLED:
            yield Fault(path, "too_long", f"This is larger than {values.LONGEST_FILLED // 1024} KiB; take some of it out.")
        for place in found[: values.MOST_PLACES]:
            yield from self.of_expression(path + place.path, place.expression, view)

    def of_expression(self, path: str, text: str, view: _View) -> Iterator[Fault]:
        """What is wrong with one expression."""
        if self._left < 0:
            return
        self._left -= max(len(text), LEAST_BYTES)
        if self._left < 0:
            message = f"All expressions together are longer than {MOST_BYTES // 1024} KiB; put a part into a workflow of its own."
            yield Fault(path, "too_long", message)
            return
        if problem := expressions.flaw(text, view.names, loops=view.loops):
            braces = " Write the expression without braces around it." if "{{" in text else ""
            yield Fault(path, "invalid_expression", problem + braces)
        else:
            yield from dict.fromkeys(self._named(path, variables(text), view))

    # What they name.

    def _named(self, path: str, named: Collection[Variable], view: _View) -> Iterator[Fault]:
        of_loop = [each.name for each in named if each.name in ("item", "index")]
        if of_loop and not view.has_item:
            yield Fault(
                path, "item_outside_loop", f"There is no {of_loop[0]} here, but only in the body of a loop; name a node instead."
            )
        for name, fields in named:
            known = self._known.get(name)
            if name == "nodes":
                yield from self._node(path, fields, view)
            elif known is not None and fields and fields[0] not in known:
                yield Fault(path, "unknown_name", f"There is no {name}.{fields[0][:40]}.{advice(fields[0], known)}")

    def _node(self, path: str, fields: tuple[str, ...], view: _View) -> Iterator[Fault]:
        if not fields:
            yield Fault(path, "unknown_node", "Write the id of a node after nodes and a dot, as in nodes.fetch.output.")
        elif fields[0] not in view.over:
            yield self._not_over(path, fields[0], view)
        elif len(fields) > 1 and fields[1] not in _OF_NODE:
            message = f"There is no nodes.{fields[0]}.{fields[1][:40]}; write {listed([f'nodes.{fields[0]}.{each}' for each in _OF_NODE])}."
            yield Fault(path, "unknown_name", message)

    def _not_over(self, path: str, node_id: str, view: _View) -> Fault:
        node, around = self._home.get(node_id), _around_of(view.scope)
        if node is None:
            return Fault(path, "unknown_node", f"There is no node {node_id[:40]}.{advice(node_id, sorted(view.over))}")
        if node in [scope.loop for scope in around]:
            return Fault(
                path, "not_before", f"{node_id} is the loop that this is in, and has not ended; name item, or a node before it."
            )
        if node.scope in around:
            message = f"{node_id} has not ended when this is evaluated, since no way leads from it to here; add an edge."
            return Fault(
                path, "not_before", message + (f" What has ended: {', '.join(sorted(view.over)[:20])}." if view.over else "")
            )
        loop = node.scope.loop.id if node.scope.loop else ""
        return Fault(
            path,
            "other_body",
            f"{node_id} is in the body of {loop}; name nodes.{loop}.output, which comes of its output, instead.",
        )


def _around_of(scope: Scope) -> list[Scope]:
    found = [scope]
    while found[-1].loop is not None:
        found.append(found[-1].loop.scope)
    return found


def _may_loop(kind: NodeType | None, name: str) -> bool:
    return kind is None or name in kind.through_lists


def _filled(node: Node, kind: NodeType | None) -> Iterator[tuple[str, Any]]:
    """The fields of a config that expressions in braces are filled in of."""
    apart = {name.partition("[")[0] for name in (*kind.constants, *kind.expressions)} if kind is not None else set()
    return ((name, value) for name, value in node.config.items() if name not in apart)
