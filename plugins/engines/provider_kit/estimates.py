"""Estimate tokens: before a call, and for providers that report none."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from ..chat import Message, Parameters, ToolCall, ToolSpec, Usage

# English and code come to about four bytes a token in the tokenizers in use; each message adds its role and its delimiters.
_BYTES_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 4
#: What a reply is taken to need that no ``max_output_tokens`` bounds; providers that have a limit of their own have about this one.
UNBOUNDED_OUTPUT = 4_096


def estimated_usage(messages: Sequence[Message], text: str, tool_calls: Iterable[ToolCall] = ()) -> Usage:
    """About how many tokens a call took, marked as an estimate."""
    asked = sum(_TOKENS_PER_MESSAGE + _tokens(message.content) + _tokens_of(message.tool_calls) for message in messages)
    return Usage(asked, _tokens(text) + _tokens_of(tool_calls), "estimated")


def usage_at_most(
    messages: Sequence[Message],
    tools: Sequence[ToolSpec],
    schema: Mapping[str, Any] | None,
    parameters: Parameters,
    context_tokens: int | None,
) -> Usage:
    """About how many tokens a call will take at most; `context_tokens` are all that the model has for both."""
    told = [*([schema] if schema else []), *({"about": tool.description, **tool.parameters, "name": tool.name} for tool in tools)]
    asked = estimated_usage(messages, "").input_tokens + sum(_tokens(orjson.dumps(dict(each)).decode()) for each in told)
    unbounded = min(UNBOUNDED_OUTPUT, context_tokens or UNBOUNDED_OUTPUT)
    return Usage(asked, parameters.max_output_tokens or unbounded, "estimated")


def _tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN)


def _tokens_of(tool_calls: Iterable[ToolCall]) -> int:
    return sum(_tokens(call.name) + _tokens(call.arguments) for call in tool_calls)
