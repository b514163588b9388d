"""Validate the types of a definition's nodes: existence, enablement, and the node's fields."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core.errors import Refused
from aasim_core.user_code import json_schema, values

from ...executions.hookspecs import ToolError
from ..hookspecs import NodeFailed, NodeType
from .faults import Fault, advice, below
from .tree import Node

if TYPE_CHECKING:
    from aasim_core.app import App

_HOOK = "node_types"
#: What is said of an expression in a field that is checked once for all runs, often with the author's rights.
NOT_CONSTANT = "Nothing is filled in here; write the value itself."
# Of these it is certain that they are broken, whatever is filled in.
_CERTAIN = frozenset({"required", "unknown_field", "too_many_items"})


class Types:
    """The types of an installation, and the faults of nodes; each node is checked once."""

    def __init__(self, app: "App") -> None:
        self._all: Mapping[str, NodeType] = app.offers(_HOOK)
        self._on: Mapping[str, NodeType] = app.offers.here(_HOOK)
        self._app = app
        self._known: dict[Node, list[Fault]] = {}

    def of(self, node: Node) -> NodeType | None:
        """Return the type of the node, even a disabled one; None if it does not exist."""
        return self._all.get(node.type)

    def faults(self, node: Node) -> Iterator[Fault]:
        """What is wrong with the type of the node, and with its config."""
        yield from self._of_type(node)
        yield from self._of_config(node)

    def told(self, node: Node, what: Callable[[NodeType], Callable[[Mapping[str, Any]], Any]]) -> Any:
        """Return the result of a function of the node's type on its config; None for a faulty config, or a missing function."""
        kind = self.of(node)
        if kind is None or self._of_config(node):
            return None
        try:
            found = what(kind)(node.config)
            return list(found) if isinstance(found, Iterator) else found
        except (NodeFailed, ToolError, Refused):
            return None

    def outcomes(self, node: Node) -> Sequence[str] | None:
        """The outcomes that the node can have besides error; None where they are not known."""
        return self.told(node, lambda kind: kind.outcomes)  # type: ignore[no-any-return]

    def _of_type(self, node: Node) -> Iterator[Fault]:
        if not node.type or node.type in self._on:
            return
        path = below(node.path, "type")
        if node.type in self._all:
            yield Fault(
                path,
                "feature_disabled",
                self._app.features.explain_off(str(self._app.offers.owner_of(_HOOK, node.type)), f"the type {node.type}"),
            )
        else:
            yield Fault(path, "unknown_type", f"There is no type {node.type[:64]}.{advice(node.type, sorted(self._on))}")

    def _of_config(self, node: Node) -> list[Fault]:
        if node not in self._known:
            kind = self.of(node)
            self._known[node] = [] if kind is None else list(_config_faults(node, kind))
        return self._known[node]


def misfits(schema: Any, value: Any, path: str) -> Iterator[Fault]:
    """Where the value does not meet the schema, whatever is filled in."""
    violations = json_schema.told(schema, value)
    holes = [place.path for place in values.places(value)] if violations else []
    for violation in violations:
        at = below("", *violation.parts)
        if violation.code in _CERTAIN or not any(_is_in(hole, at) for hole in holes):
            yield Fault(below(path, *violation.parts), violation.code, violation.message)


def _is_in(hole: str, at: str) -> bool:
    hole = hole.removeprefix(".")
    return not at or hole == at or hole.startswith((f"{at}.", f"{at}["))


def _config_faults(node: Node, kind: NodeType) -> Iterator[Fault]:
    """What breaks the schema, what is filled in that must be constant, and if there is nothing of that, what the type itself finds."""
    path = below(node.path, "config")
    found = [*misfits(kind.config, node.config, path), *_not_constant(node, kind, path)]
    yield from found
    if not found:
        yield from _own_flaws(node, kind, path)


def _not_constant(node: Node, kind: NodeType, path: str) -> Iterator[Fault]:
    expressions = {at for at, _ in expressions_of(node.config, kind)}
    for name in kind.constants:
        value = node.config.get(name)
        is_graph = node.is_loop and name == "body" and isinstance(value, Mapping)
        for place in () if is_graph else values.places(value):
            if below(name) + place.path not in expressions:
                yield Fault(f"{below(path, name)}{place.path}", "not_constant", NOT_CONSTANT)


def _own_flaws(node: Node, kind: NodeType, path: str) -> Iterator[Fault]:
    try:
        found = list(kind.flaws(node.config))
    except (NodeFailed, ToolError, Refused) as error:
        yield Fault(path, "plugin_failed", str(error))
        return
    for place, message in found:
        yield Fault(f"{path}.{place}" if place else path, "invalid_config", message)


def expressions_of(config: Mapping[str, Any], kind: NodeType) -> Iterator[tuple[str, str]]:
    """The expressions as a whole in a config: their places in it, such as ``cases[0].when``, and their texts."""
    for name in kind.expressions:
        listed_, _, inner = name.partition("[].")
        found = config.get(listed_)
        if not inner and isinstance(found, str):
            yield listed_, found
        for number, each in enumerate(found if inner and isinstance(found, list) else ()):
            if isinstance(each, Mapping) and isinstance(each.get(inner), str):
                yield f"{listed_}[{number}].{inner}", each[inner]
