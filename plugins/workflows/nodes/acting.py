"""Nodes that call a tool, an agent, or another workflow."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...executions.hookspecs import LOOK_AGAIN_SECONDS, ToolLater
from ...executions.models import Execution
from ...executions.service import APPROVALS, BoundTool, identity_of_child, refuse_deep, startable, toolbox
from ..hookspecs import NodeType, NodeUse

if TYPE_CHECKING:
    from aasim_core.app import App

_VERSION = {"anyOf": [{"const": "active"}, {"type": "integer", "minimum": 1}]}


def _tool(app: "App", config: Mapping[str, Any]) -> BoundTool:
    entry = {"ref": config["ref"], "approval": config.get("approval", APPROVALS[0]), "arguments": config.get("arguments") or {}}
    return toolbox(app, [entry])[0]


TOOL = NodeType(
    "tool",
    "Call a tool.",
    {
        "type": "object",
        "properties": {
            "ref": {"type": "string", "minLength": 1, "maxLength": 200},
            "arguments": {"type": "object"},
            "approval": {"type": "string", "minLength": 1, "maxLength": 1024},
        },
        "required": ["ref"],
        "additionalProperties": False,
    },
    bind=_tool,
    constants=("ref", "approval"),
)


def _starting(type_: str, about: str, kind: str) -> NodeType:
    """The type of the nodes that run objects of a kind, which their config names by an id."""
    field = f"{kind}_id"

    def references(config: Mapping[str, Any]) -> Sequence[tuple[str, str, int | None]]:
        return ((kind, config[field], _number(config)),) if isinstance(config.get(field), str) else ()

    def child(use: NodeUse) -> Execution:
        """Start it, if the run's starter currently may."""
        execution = use.execution
        refuse_deep(execution)
        principal = use.principal
        if (plugin := use.app.offers.off_here("startables", kind)) is not None:
            reason = f"{use.path} waits: {use.app.features.explain_off(plugin, 'what it runs')}"
            raise ToolLater(reason, seconds=LOOK_AGAIN_SECONDS, missing=f"plugin:{plugin}")
        found = startable(use.app, kind)
        target = found.find(use.config[field], _number(use.config), principal)
        return found.start(
            target.id,
            target.version,
            use.given,
            principal.user_id,
            trigger={"type": "workflow", "id": use.path},
            parent=execution,
            api_key_id=execution.api_key_id,
            effects_as=identity_of_child(use.key, use.attempt),
        )

    config = {
        "type": "object",
        "properties": {field: _id_of(kind), "version": _VERSION},
        "required": [field],
        "additionalProperties": False,
    }
    return NodeType(type_, about, config, child=child, constants=(field, "version"), references=references)


def _id_of(kind: str) -> Mapping[str, Any]:
    return {
        "type": "string",
        "pattern": f"^{kind}_[0-9A-Za-z_]+$",
        "maxLength": 200,
        "description": f"an id that begins with {kind}_",
    }


def _number(config: Mapping[str, Any]) -> int | None:
    version = config.get("version", "active")
    return None if version == "active" else version


AGENT = _starting("agent", "Run an agent.", "agent")
SUB_WORKFLOW = _starting("sub_workflow", "Run another workflow.", "workflow")
TYPES = (TOOL, AGENT, SUB_WORKFLOW)
