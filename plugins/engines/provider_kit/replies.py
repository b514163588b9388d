"""Sanitize the texts of models and their servers, for all providers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from aasim_core.secrets import Secret
from aasim_core.secrets.masking import without
from aasim_core.text.json import keepable_text

from ..chat import EngineError, Message, Reply, ToolCall, Usage
from .estimates import estimated_usage

_MOST_TOKENS = 2**53


def clean_reply(reply: Reply, messages: Sequence[Message]) -> Reply:
    """Return the reply to `messages` with storable texts; implausible token counts are treated as not reported."""
    text, calls = keepable_text(reply.text), tuple(_clean_call(call) for call in reply.tool_calls)
    usage = reply.usage if _is_credible(reply.usage) else estimated_usage(messages, text, calls)
    return replace(reply, text=text, tool_calls=calls, usage=usage, raw_model=keepable_text(reply.raw_model))


@contextmanager
def clean_errors(key: Secret | None) -> Iterator[None]:
    """Return a server's failure text in storable form, without the key, which servers echo."""
    try:
        yield
    except EngineError as error:
        told = keepable_text(error.message if key is None else without(key.reveal(), error.message))
        if told == error.message:
            raise
        clean = EngineError(error.code, told, retryable=error.retryable, retry_after=error.retry_after)
        clean.partial = error.partial
        raise clean from None


def _clean_call(call: ToolCall) -> ToolCall:
    return ToolCall(keepable_text(call.id), keepable_text(call.name), keepable_text(call.arguments))


def _is_credible(usage: Usage) -> bool:
    counts = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
    return all(type(count) is int and 0 <= count <= _MOST_TOKENS for count in counts)
