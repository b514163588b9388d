"""Token counts for providers that report none."""

from collections.abc import Iterable, Sequence

from .chat import Message, ToolCall, Usage

# English and code come to about four bytes a token in the tokenizers in use; each message adds its role and its delimiters.
_BYTES_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 4


def estimated_usage(messages: Sequence[Message], text: str, tool_calls: Iterable[ToolCall] = ()) -> Usage:
    """About how many tokens a call took, marked as an estimate."""
    asked = sum(_TOKENS_PER_MESSAGE + _tokens(message.content) + _tokens_of(message.tool_calls) for message in messages)
    return Usage(asked, _tokens(text) + _tokens_of(tool_calls), "estimated")


def _tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN)


def _tokens_of(tool_calls: Iterable[ToolCall]) -> int:
    return sum(_tokens(call.name) + _tokens(call.arguments) for call in tool_calls)
