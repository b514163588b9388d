"""Translate a chat to llm's messages and options, and its response to a reply."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import llm
from llm.parts import Message as Turn
from llm.parts import Part, TextPart, ToolCallPart, ToolResultPart

from ..engines.hookspecs import Finish, Message, Parameters, Reply, ToolCall, Usage, estimated_usage, schema_in_words

#: What plugins call the common parameters; the first one that a model has is taken.
_NAMES: Mapping[str, Sequence[str]] = {
    "temperature": ("temperature",),
    "max_output_tokens": ("max_tokens", "max_output_tokens", "num_predict"),
    "seed": ("seed",),
    "stop": ("stop", "stop_sequences"),
}
#: How services say that a reply was cut off; llm has no word for it.
_CUT = {"finish_reason": "length", "stop_reason": "max_tokens", "done_reason": "length"}


def instructions_of(messages: Sequence[Message]) -> str:
    """All instructions, as one text."""
    return "\n\n".join(message.content for message in messages if message.role == "system" and message.content)


def turns_of(instructions: str, messages: Sequence[Message]) -> list[Turn]:
    """The conversation, the instructions in front of it."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    others = [Turn(message.role, _parts(message, names)) for message in messages if message.role != "system"]
    return [*([Turn("system", [TextPart(instructions)])] if instructions else []), *others]


def schema_for(model: llm.Model, schema: Mapping[str, Any] | None) -> tuple[dict[str, Any] | None, list[Message]]:
    """The schema that the model is bound to, or else the instruction that tells it."""
    if schema is None or model.supports_schema:
        return None if schema is None else dict(schema), []
    return None, [Message("system", schema_in_words(schema))]


def options_for(model: llm.Model, parameters: Parameters) -> dict[str, Any]:
    """The options of the model: of the common parameters those that it has, and all others as they are."""
    known = model.Options.model_fields
    stop = parameters.stop[0] if len(parameters.stop) == 1 else list(parameters.stop) or None
    values = {name: getattr(parameters, name) for name in ("temperature", "max_output_tokens", "seed")} | {"stop": stop}
    taken = {
        option: values[name]
        for name, options in _NAMES.items()
        if values[name] is not None
        for option in [next((option for option in options if option in known), None)]
        if option is not None
    }
    return {**taken, **parameters.extra}


def reply_of(response: llm.Response, text: str, messages: Sequence[Message]) -> Reply:
    """The reply that a response is which has come to its end."""
    calls = tuple(
        ToolCall(call.tool_call_id or f"call_{number}", call.name, json.dumps(call.arguments, ensure_ascii=False))
        for number, call in enumerate(response.tool_calls())
    )
    finish: Finish = "length" if _was_cut(response.response_json) else "tool_calls" if calls else "stop"
    counted = response.input_tokens is not None and response.output_tokens is not None
    usage = Usage(response.input_tokens or 0, response.output_tokens or 0) if counted else estimated_usage(messages, text, calls)
    return Reply(text, calls, usage, finish, response.resolved_model or str(response.model.model_id))


def _parts(message: Message, names: Mapping[str, str]) -> list[Part]:
    if message.role == "tool":
        identity = message.tool_call_id or ""
        return [ToolResultPart(name=names.get(identity, ""), output=message.content, tool_call_id=identity)]
    text: list[Part] = [TextPart(message.content)] if message.content or not message.tool_calls else []
    return [*text, *(ToolCallPart(call.name, _arguments(call), call.id) for call in message.tool_calls)]


def _arguments(call: ToolCall) -> dict[str, Any]:
    try:
        return call.parsed()
    except ValueError:
        # The interface takes objects only; the result of the call tells the model what was wrong with them.
        return {}


def _was_cut(told: Any) -> bool:
    return isinstance(told, dict) and any(told.get(name) == value for name, value in _CUT.items())
