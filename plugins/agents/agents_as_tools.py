"""Agents as tools of other agents: a call starts a run of its own, and the caller's run waits for it."""

from typing import TYPE_CHECKING, Any

from aasim_core.access.rights import Rights
from aasim_core.data.records import database_of, find, find_or_none
from aasim_core.errors import Refused

from ..executions import service as executions
from ..executions.hookspecs import Awaited, Tool, ToolChanged, ToolError, ToolSource, ToolUse
from ..executions.models import Execution
from ..executions.service import refuse_deep
from . import service
from .models import Agent

if TYPE_CHECKING:
    from aasim_core.app import App

_TEXT = {
    "type": "object",
    "properties": {"input": {"type": "string", "minLength": 1}},
    "required": ["input"],
    "additionalProperties": False,
}


def agent_source(app: "App") -> ToolSource:
    """The tools ``agent:<agent id>``."""
    about = "Runs of agents: agent:<id of the agent>."
    return ToolSource("agent", _tool, lambda use: _start(app, use), _result, about)


def _tool(agent_id: str) -> Tool | None:
    try:
        agent = service.find_live(agent_id)
    except Refused:
        return None

    def allowed(rights: Rights, user_id: str) -> bool:
        hidden = agent.visibility == "private" and agent.owner_id != user_id
        return not hidden and service.allows(rights, "agents:execute", agent, user_id)

    parameters = agent.input_schema if _takes_an_object(agent) else _TEXT
    about = agent.description or f"Ask the agent {agent.name}."
    contract = _contract(agent)
    return Tool(agent.slug, about, parameters, allowed, effect="read", idempotent=True, contract=contract, starts_runs=True)


def _contract(agent: Agent) -> str:
    return f"version {agent.agent_version}"


def _takes_an_object(agent: Agent) -> bool:
    return bool(agent.input_schema) and agent.input_schema.get("type") == "object"


def _start(app: "App", use: ToolUse) -> Awaited:
    """Start the agent's run, or find the one that this call started before a crash; one that has failed is not taken for another try."""
    caller = find(Execution, use.execution_id)
    try:
        refuse_deep(caller)
    except Refused as refused:
        raise ToolError(refused.message) from refused
    with database_of(Execution).transaction():
        executions.lock_children(caller.id)
        if find(Execution, caller.id).status != "running":
            raise ToolError("The run that calls has ended.")
        begun = Execution.select().where(Execution.parent_id == caller.id)
        mine = [child for child in begun if child.trigger["id"] == use.idempotency_key]
        started = next((child for child in mine if not _has_failed(child)), None)
        return Awaited((started or _begin(app, use, caller, len(mine) + 1)).id)


def _has_failed(child: Execution) -> bool:
    return executions.is_over(child.status) and child.status != "succeeded"


def _begin(app: "App", use: ToolUse, caller: Execution, attempt: int) -> Execution:
    try:
        agent = service.find_live(use.rest)
        if use.contract != _contract(agent):
            raise ToolChanged
        return service.start(
            app,
            agent,
            dict(use.arguments) if _takes_an_object(agent) else use.arguments["input"],
            use.initiator_id,
            trigger={"type": "agent", "id": use.idempotency_key},
            parent=caller,
            api_key_id=use.api_key_id,
            effects_as=executions.identity_of_child(use.idempotency_key, attempt),
        )
    except Refused as refused:
        raise ToolError(f"The agent cannot run: {refused.message}") from refused


def _result(execution_id: str) -> Any:
    child = find_or_none(Execution, execution_id)
    if child is None:
        return {"error": "The agent's run is gone."}
    if not executions.is_over(child.status):
        return None
    if child.status == "succeeded":
        return {"result": child.output}
    return {"error": f"The agent's run {child.status.replace('_', ' ')}: {(child.error or {}).get('message', '')}".rstrip(": ")}
