"""How a conversation with a model begins: the agent's prompt, what it remembers of earlier runs, and the input."""

from typing import Any

import orjson

from aasim_core import template

from ..engines.hookspecs import Message, Role
from . import states
from .models import NO_PAYLOAD, Execution
from .run import Run

#: How much of each input and output is remembered, in characters.
_LONGEST = 8_000
_ROLES: tuple[Role, Role] = ("user", "assistant")


def opening(run: Run, definition: dict[str, Any]) -> list[Message]:
    """The first messages; what is remembered is a step, so that it is the same after a pause or a crash."""
    given = run.execution.input
    prompt = template.fill(definition["instructions"], {"input": given})
    system = [Message("system", prompt)] if prompt else []
    return [*system, *_remembered(run, definition["memory"] or {}), Message("user", _text(given))]


def _remembered(run: Run, memory: dict[str, Any]) -> list[Message]:
    if memory.get("mode") != "window":
        return []
    earlier = run.step("recall", lambda: _earlier(run.execution, memory["limit"]))
    return [Message(role, text, remembered=True) for pair in earlier for role, text in zip(_ROLES, pair, strict=True)]


def _earlier(execution: Execution, limit: int) -> list[list[str]]:
    """Inputs and outputs of the last successful runs of the same agent for the same user, the oldest first."""
    same = (Execution.agent_id == execution.agent_id) & (Execution.initiator_id == execution.initiator_id)
    before = (
        (Execution.status == states.SUCCEEDED) & (Execution.created_at < execution.created_at) & (Execution.kept != NO_PAYLOAD)
    )
    newest = Execution.created_at.desc(), Execution.id.desc()
    query = Execution.select(Execution.input, Execution.output).where(same, before).order_by(*newest).limit(limit)
    return [[_text(row.input)[:_LONGEST], _text(row.output)[:_LONGEST]] for row in query][::-1]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
