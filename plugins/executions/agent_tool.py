"""Agents as tools of other agents: a call starts a run of its own, and the caller's run waits for it."""

from typing import TYPE_CHECKING, Any

from aasim_core.access.rights import Rights
from aasim_core.data.records import database_of, find, find_or_none
from aasim_core.errors import Refused

from ..agents import service as agents
from ..agents.hookspecs import Awaited, Tool, ToolError, ToolSource, ToolUse
from ..agents.models import Agent
from . import service, states
from .models import Execution

if TYPE_CHECKING:
    from aasim_core.app import App

#: How deep agents may call each other.
_DEEPEST = 5
_TEXT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"], "additionalProperties": False}


def agent_source(app: "App") -> ToolSource:
    """The tools ``agent:<agent id>``."""
    return ToolSource("agent", _tool, lambda use: _start(app, use), _result)


def _tool(agent_id: str) -> Tool | None:
    try:
        agent = agents.find_live(agent_id)
    except Refused:
        return None

    def allowed(rights: Rights, user_id: str) -> bool:
        hidden = agent.visibility == "private" and agent.owner_id != user_id
        return not hidden and agents.allows(rights, "agents:execute", agent, user_id)

    parameters = agent.input_schema if _takes_an_object(agent) else _TEXT
    about = agent.description or f"Ask the agent {agent.name}."
    return Tool(agent.slug, about, parameters, allowed, effect="read", idempotent=True)


def _takes_an_object(agent: Agent) -> bool:
    return bool(agent.input_schema) and agent.input_schema.get("type") == "object"


def _start(app: "App", use: ToolUse) -> Awaited:
    """Start the agent's run, or find the one that this very call started before a crash."""
    caller = find(Execution, use.execution_id)
    _require_depth(caller)
    with database_of(Execution).transaction():
        service.lock_children(caller.id)
        if find(Execution, caller.id).status != states.RUNNING:
            raise ToolError("The run that calls has ended.")
        begun = Execution.select().where(Execution.parent_id == caller.id)
        started = next((child for child in begun if child.trigger["id"] == use.idempotency_key), None)
        return Awaited((started or _begin(app, use, caller)).id)


def _begin(app: "App", use: ToolUse, caller: Execution) -> Execution:
    try:
        agent = agents.find_live(use.rest)
        return service.start_agent(
            app,
            agent,
            dict(use.arguments) if _takes_an_object(agent) else use.arguments["input"],
            use.initiator_id,
            trigger={"type": "agent", "id": use.idempotency_key},
            parent=caller,
            api_key_id=caller.api_key_id,
        )
    except Refused as refused:
        raise ToolError(f"The agent cannot run: {refused.message}") from refused


def _require_depth(execution: Execution) -> None:
    above = execution
    for _ in range(_DEEPEST - 1):
        if above.parent_id is None:
            return
        above = find(Execution, above.parent_id)
    raise ToolError(f"Agents call each other at most {_DEEPEST} deep.")


def _result(execution_id: str) -> Any:
    child = find_or_none(Execution, execution_id)
    if child is None:
        return {"error": "The agent's run is gone."}
    if child.status not in states.TERMINAL:
        return None
    if child.status == states.SUCCEEDED:
        return {"result": child.output}
    return {"error": f"The agent's run {child.status.replace('_', ' ')}: {(child.error or {}).get('message', '')}".rstrip(": ")}
