"""Emulate tool calls for models without them: the model answers with an action as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..chat import Message, Reply, ToolCall, ToolSpec

_INTRODUCTION = (
    'Answer with one JSON object: {{"action": …, "input": …}}. To use a tool, action is its name, and input is its arguments. '
    'When you have the answer, action is "{final}", and input is the answer. The tools are:'
)


def with_tools(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Message]:
    """The conversation as such a model reads it: the tools in the system's turn, calls and results as text."""
    told = "\n".join(
        [
            _INTRODUCTION.format(final=_final(tools)),
            *(f"- {tool.name}: {tool.description} {_json(dict(tool.parameters))}" for tool in tools),
        ]
    )
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    plain = [_plain(message, names) for message in messages]
    if plain and plain[0].role == "system":
        return [replace(plain[0], content=f"{plain[0].content}\n\n{told}"), *plain[1:]]
    return [Message("system", told), *plain]


def action_schema(tools: Sequence[ToolSpec], schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """The JSON Schema of an action: the call of one of the tools, or the answer, which obeys `schema` or is a text."""
    final = {_final(tools): schema or {"type": "string"}}
    return {
        "anyOf": [_action(name, given) for name, given in ({tool.name: dict(tool.parameters) for tool in tools} | final).items()]
    }


def with_calls(reply: Reply, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Reply:
    """The reply with its action as a tool call, or as the answer; a text that is no action is the answer.

    The id of the call counts the assistant's turns, so that it is the same when the turn is repeated.
    """
    try:
        action = json.loads(reply.text)
        name, given = action["action"], action["input"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return reply
    if name == _final(tools):
        return replace(reply, text=given if isinstance(given, str) else _json(given))
    position = sum(message.role == "assistant" for message in messages)
    return replace(reply, text="", tool_calls=(ToolCall(f"call_{position}_0", str(name), _json(given)),), finish="tool_calls")


def _final(tools: Sequence[ToolSpec]) -> str:
    taken = {tool.name for tool in tools}
    return next(name for name in ("final", *(f"final_{n}" for n in range(len(tools) + 1))) if name not in taken)


def _action(name: str, given: Any) -> dict[str, Any]:
    properties = {"action": {"const": name}, "input": given}
    return {"type": "object", "properties": properties, "required": ["action", "input"], "additionalProperties": False}


def _plain(message: Message, names: Mapping[str, str]) -> Message:
    if message.role == "tool":
        return Message("user", f"The tool {names.get(message.tool_call_id or '', '')} answered: {message.content}")
    if message.tool_calls:
        actions = [_json({"action": call.name, "input": _arguments(call)}) for call in message.tool_calls]
        return Message("assistant", "\n".join(actions))
    return message


def _arguments(call: ToolCall) -> Any:
    try:
        return call.parsed()
    except ValueError:
        return call.arguments


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
