"""Validate the uses of nodes: tools, agents and workflows must exist, and the author may use them."""

from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from aasim_core.access.rights import Rights
from aasim_core.errors import Invalid, Refused
from aasim_core.user_code import expressions, values

from ...executions.hookspecs import Target
from ...executions.service import APPROVAL_NAMES, APPROVALS, FoundTool, find_tool, kinds_of_tools, startable
from ..hookspecs import NodeType, Used
from .faults import Fault, below, listed
from .tree import Node, Scope
from .types import NOT_CONSTANT, Types, misfits

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal

Reference = tuple[str, str, int | None]


def faults(app: "App", root: Scope, types: Types, principal: "Principal", workflow_id: str | None) -> Iterator[Fault]:
    """The faults of nodes: of their types, of what they use, and of how they are undone."""
    uses = _Uses(app, types, principal, workflow_id)
    for scope in root.within():
        for node in scope.nodes:
            yield from uses.faults(node)
            yield from _unused(node, types.of(node))
            yield from uses.of_compensation(node)


class _Uses:
    """What a principal may use; each tool and each object is looked for once."""

    def __init__(self, app: "App", types: Types, principal: "Principal", workflow_id: str | None) -> None:
        self._app, self._types, self._principal, self._workflow_id = app, types, principal, workflow_id
        self._tools: dict[str, FoundTool] = {}
        self._targets: dict[Reference, Target | Refused] = {}

    @cached_property
    def _rights(self) -> Rights:
        return self._app.rights.of(self._principal)

    def faults(self, node: Node) -> Iterator[Fault]:
        """What is wrong with the type of the node, its config, and what that names."""
        yield from self._types.faults(node)
        kind = self._types.of(node)
        if kind is not None and kind.bind is not None:
            yield from self._of_tool(node.config, below(node.path, "config"))
        if kind is not None and (kind.call is not None or kind.wait is not None):
            yield from self._of_used(node, self._types.told(node, lambda kind: partial(kind.uses, self._app)))
        if kind is not None and kind.child is not None:
            for reference in self._types.told(node, lambda kind: kind.references) or ():
                yield from self._of_reference(node, reference)

    def of_compensation(self, node: Node) -> Iterator[Fault]:
        """The same of what undoes the node."""
        undoing, kind = node.compensation, self._types.of(node)
        if undoing is None:
            return
        how = self._types.of(undoing)
        if kind is not None and not kind.has_effect:
            message = f"A node of the type {node.type} does nothing that could be undone; leave this out."
            yield Fault(undoing.path, "not_undoable", message)
        elif how is not None and not how.can_undo:
            message = f"A node is undone by a call, a run or an event, such as tool, sub_workflow or emit_event, and not by {undoing.type}."
            yield Fault(below(undoing.path, "type"), "not_undoable", message)
        else:
            yield from self.faults(undoing)

    def _of_used(self, node: Node, used: Used | None) -> Iterator[Fault]:
        if used is None:
            return
        path = below(node.path, "config")
        if values.has_places(_value_at(node.config, used.field)):
            yield Fault(below(path, used.field), "not_constant", NOT_CONSTANT)
        elif used.allowed(self._rights, self._principal.user_id):
            yield from (Fault(below(path, field), code, message) for field, code, message in used.flaws)
        else:
            yield Fault(below(path, used.field), used.code, used.refusal)

    # Tools.

    def _of_tool(self, config: Mapping[str, Any], path: str) -> Iterator[Fault]:
        ref, approval, arguments = config.get("ref"), config.get("approval", APPROVALS[0]), config.get("arguments", {})
        if isinstance(approval, str) and approval not in APPROVALS and (flaw := expressions.flaw(approval, APPROVAL_NAMES)):
            message = f"Write {listed(APPROVALS)}, or an expression. {flaw}"
            yield Fault(below(path, "approval"), "invalid_expression", message)
        if not isinstance(ref, str) or not ref or "{{" in ref:
            return
        found = self._tool(ref)
        if problem := self._why_not(found):
            yield Fault(below(path, "ref"), found.reason if found.reason in _REASONS else "invalid_reference", problem)
        elif found.tool is not None and isinstance(arguments, Mapping):
            yield from misfits(found.tool.parameters, arguments, below(path, "arguments"))

    def _tool(self, ref: str) -> FoundTool:
        if ref not in self._tools:
            self._tools[ref] = find_tool(self._app, ref)
        return self._tools[ref]

    def _why_not(self, found: FoundTool) -> str | None:
        if found.reason == "feature_disabled":
            return self._app.features.explain_off(str(found.plugin), "this tool")
        if found.reason == "plugin_failed":
            return f"The plugin {found.plugin}, which brings this tool, failed when it was asked for it; the operator's log says where."
        try:
            if found.tool is not None and found.tool.allowed(self._rights, self._principal.user_id):
                return None
        except Refused as refused:
            return refused.message
        kinds = listed([f"{kind}:…" for kind in kinds_of_tools(self._app)])
        return f"There is no such tool, or you may not use it. {f'Write a tool as {kinds}.' if kinds else 'No enabled plugin has any.'}"

    # What is started.

    def _of_reference(self, node: Node, reference: Reference) -> Iterator[Fault]:
        type_, object_id, _ = reference
        path = below(node.path, "config")
        field = next((name for name, value in node.config.items() if value == object_id), None)
        place = below(path, field) if field else path
        if object_id == self._workflow_id:
            yield Fault(place, "calls_itself", "A workflow cannot run itself; repeat with a while, or name another workflow.")
            return
        target = self._target(reference)
        if isinstance(target, Target):
            given = node.written.get("input")
            schema = {} if target.input_schema is None else target.input_schema
            yield from misfits(schema, given, below(node.path, "input"))
        elif isinstance(target, Invalid) and "version" in target.problems:
            yield Fault(below(path, "version"), "invalid_reference", target.problems["version"][0].message)
        else:
            yield Fault(place, "invalid_reference", _told(target, type_))

    def _target(self, reference: Reference) -> Target | Refused:
        if reference not in self._targets:
            type_, object_id, version = reference
            try:
                found: Target | Refused = startable(self._app, type_).find(object_id, version, self._principal)
            except Refused as refused:
                found = refused
            self._targets[reference] = found
        return self._targets[reference]


def _value_at(config: Mapping[str, Any], field: str) -> Any:
    """The value at a place in the config, such as ``event.name``; None where there is none."""
    value: Any = config
    for name in field.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


_REASONS = frozenset({"feature_disabled", "plugin_failed"})


def _told(refused: Refused, type_: str) -> str:
    if refused.code == "not_found":
        return f"There is no such {type_}, or you may not see it; write the id of one that you may run."
    return next(iter(refused.problems.values()))[0].message


def _unused(node: Node, kind: NodeType | None) -> Iterator[Fault]:
    """Hints about what is written for a node, and does nothing for one of its type."""
    if kind is None:
        return
    useless = {
        "retry": not kind.has_effect and "it is the same each time that it is tried",
        "timeout_seconds": not kind.has_effect and kind.ask is None and "only what is done outside takes time that can run out",
        "input": kind.child is None and kind.wait is None and "only what starts a run has an input",
    }
    for name, why in useless.items():
        if why and name in node.written:
            yield Fault(
                below(node.path, name), "unused", f"For {node.type} this does nothing: {why}; leave it out.", is_hint=True
            )
