"""Translate a chat to a request of Anthropic's Messages protocol."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ..engines.hookspecs import EngineError, Message, Parameters, ToolCall, ToolSpec, refuse_reserved, schema_in_words

ANTHROPIC_URL = "https://api.anthropic.com"
#: The version of the protocol that is spoken here.
API_VERSION = "2026-10-21"
# The protocol wants a limit; every model may write that much.
_MOST_TOKENS = 4096
#: What is made from the agent.
RESERVED = frozenset(
    {"model", "messages", "system", "stream", "tools", "tool_choice", "max_tokens", "stop_sequences", "output_format"}
)


def request_for(
    model: str,
    messages: Sequence[Message],
    *,
    tools: Sequence[ToolSpec],
    schema: Mapping[str, Any] | None,
    parameters: Parameters,
) -> dict[str, Any]:
    """The arguments of the SDK's `messages.create`; replies are always streamed, so that a call can end at any moment.

    The protocol knows neither a temperature nor a seed, so these are left out.
    """
    refuse_reserved(parameters.extra, RESERVED)
    turns = _turns(messages)
    if not turns:
        raise EngineError("invalid_request", "there is no message to answer")
    output, instruction = _output(schema, parameters.extra.get("output_config", {}))
    system = [message.content for message in messages if message.role == "system" and message.content]
    values = {
        "system": "\n\n".join([*system, *instruction]),
        "stop_sequences": list(parameters.stop),
        "tools": [_tool(tool) for tool in tools],
        "output_config": output,
        "extra_body": {key: value for key, value in parameters.extra.items() if key != "output_config"},
    }
    return {
        "model": model,
        "messages": turns,
        "max_tokens": parameters.max_output_tokens or _MOST_TOKENS,
        "stream": True,
        **{key: value for key, value in values.items() if value},
    }


def _turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The turns after the instructions; results of tools are the user's, those of one turn in one message."""
    said = [(role, block) for message in messages for role, block in _blocks(message)]
    return [{"role": role, "content": [block for _, block in blocks]} for role, blocks in groupby(said, key=lambda pair: pair[0])]


def _blocks(message: Message) -> list[tuple[str, dict[str, Any]]]:
    if message.role == "system":
        return []
    if message.role == "tool":
        result = {"type": "tool_result", "tool_use_id": message.tool_call_id or "", "content": message.content}
        return [("user", result)]
    text = [{"type": "text", "text": message.content}] if message.content else []
    return [(message.role, block) for block in [*text, *(_use(call) for call in message.tool_calls)]]


def _use(call: ToolCall) -> dict[str, Any]:
    try:
        arguments = call.parsed()
    except ValueError:
        # The protocol takes objects only; the result of the call tells the model what was wrong with them.
        arguments = {}
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    schema = {"type": "object", **tool.parameters}
    return {"name": tool.name, "description": tool.description, "input_schema": schema}


def _output(schema: Mapping[str, Any] | None, wanted: Any) -> tuple[dict[str, Any], list[str]]:
    """The ``output_config``, and what to tell a model whose output cannot be bound to the schema."""
    import anthropic

    if not isinstance(wanted, Mapping) or "format" in wanted:
        raise EngineError("invalid_request", "the parameter output_config must be an object without format, which is the agent's")
    if schema is None:
        return dict(wanted), []
    try:
        bound = anthropic.transform_schema(dict(schema))
    except (ValueError, TypeError, AttributeError, AssertionError):
        return dict(wanted), [schema_in_words(schema)]
    return {**wanted, "format": {"type": "json_schema", "schema": bound}}, []
