"""The first messages of a conversation with a model: the agent's prompt and the input."""

from typing import Any

import orjson

from aasim_core.user_code import templates

from ...engines.hookspecs import Message
from ...executions.hookspecs import Run, RunFailed

#: The step in which earlier releases read earlier runs.
_RECALL = "recall"


def opening(run: Run, definition: dict[str, Any]) -> list[Message]:
    """The first messages."""
    _leave_memory_out(run, definition["memory"] or {})
    given = run.execution.input
    prompt = _prompt(definition["instructions"], given)
    system = [Message("system", prompt)] if prompt else []
    return [*system, Message("user", _text(given))]


def _prompt(instructions: str, given: Any) -> str:
    try:
        return templates.fill(instructions, {"input": given})
    except templates.TooLong as error:
        raise RunFailed("prompt_too_long", str(error)) from None


def _leave_memory_out(run: Run, memory: dict[str, Any]) -> None:
    """Earlier runs can be those of another end user of the same API key, so that agents that still want them do without."""
    if memory.get("mode") != "window":
        return
    recorded = run.next_recorded()
    if recorded == _RECALL:
        run.step(_RECALL, list)
    elif recorded is None:
        message = "The agent's memory is left out: it would mix what different end users said. Set memory.mode to none."
        run.log("memory_left_out", message, level="warning")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
