"""Translate a chat to a request of the OpenAI protocol, and the chunks of its stream to a reply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..engines.hookspecs import (
    EngineError,
    Finish,
    Message,
    Parameters,
    Partial,
    Reply,
    ToolCall,
    ToolSpec,
    Usage,
    estimated_usage,
    refuse_reserved,
)

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk
    from openai.types.chat.chat_completion_chunk import ChoiceDelta, ChoiceDeltaToolCall
    from openai.types.completion_usage import CompletionUsage

OPENAI_URL = "https://api.openai.com/v1"
#: What is made from the agent.
RESERVED = frozenset(
    {
        "model",
        "messages",
        "stream",
        "stream_options",
        "tools",
        "tool_choice",
        "response_format",
        "n",
        "max_tokens",
        "max_completion_tokens",
    }
)
_FINISH: Mapping[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


def request_for(
    model: str,
    base_url: str,
    messages: Sequence[Message],
    *,
    tools: Sequence[ToolSpec],
    schema: Mapping[str, Any] | None,
    parameters: Parameters,
) -> dict[str, Any]:
    """The arguments of the SDK's `chat.completions.create`; replies are always streamed, so that a call can end at any moment."""
    refuse_reserved(parameters.extra, RESERVED)
    # OpenAI's newer models refuse the older name, which is the one that other servers know.
    limit = "max_completion_tokens" if urlsplit(base_url).hostname == urlsplit(OPENAI_URL).hostname else "max_tokens"
    values = {
        "temperature": parameters.temperature,
        limit: parameters.max_output_tokens,
        "seed": parameters.seed,
        "stop": list(parameters.stop) or None,
        "tools": [_tool(tool) for tool in tools] or None,
        "response_format": _format(schema) if schema is not None else None,
        "extra_body": dict(parameters.extra) or None,
    }
    return {
        "model": model,
        "messages": [_message(message) for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        **{key: value for key, value in values.items() if value is not None},
    }


def _message(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    return wire


def _tool(tool: ToolSpec) -> dict[str, Any]:
    parameters = dict(tool.parameters) or {"type": "object", "properties": {}}
    return {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": parameters}}


def _format(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "output", "schema": dict(schema)}}


def _usage(reported: "CompletionUsage") -> Usage:
    details = reported.prompt_tokens_details
    cached = details.cached_tokens if details is not None else 0
    return Usage(reported.prompt_tokens or 0, reported.completion_tokens or 0, cache_read_tokens=cached or 0)


def _reasoning_in(delta: "ChoiceDelta") -> list[str]:
    """What the model wrote for itself: not in OpenAI's protocol, but streamed by vLLM, llama-server, DeepSeek and OpenRouter."""
    extra = delta.model_extra or {}
    return [value for name in ("reasoning_content", "reasoning") if isinstance(value := extra.get(name), str)]


@dataclass
class _Call:
    """A tool call as its pieces arrive."""

    id: str = ""
    name: str = ""
    arguments: str = ""


class Gathering:
    """Chunks of one stream, put together."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._texts: list[str] = []
        self._reasoning: list[str] = []
        self._refusal = ""
        self._calls: dict[int | str, _Call] = {}
        self._finish: str | None = None
        self._usage: Usage | None = None

    def add(self, chunk: "ChatCompletionChunk") -> str:
        """Take one chunk in; returns the text that it adds to the reply."""
        self._model = chunk.model or self._model
        if chunk.usage is not None:
            self._usage = _usage(chunk.usage)
        text = ""
        for choice in chunk.choices or ():
            self._finish = choice.finish_reason or self._finish
            if choice.delta is not None:
                text += choice.delta.content or ""
                self._refusal += choice.delta.refusal or ""
                self._reasoning += _reasoning_in(choice.delta)
                for delta in choice.delta.tool_calls or ():
                    self._add_call(delta)
        if text:
            self._texts.append(text)
        return text

    @property
    def finished(self) -> bool:
        """Whether the model said that the reply is complete."""
        return self._finish is not None

    def reply(self, messages: Sequence[Message]) -> Reply:
        """The whole reply to `messages`; raises `EngineError` where the model refused."""
        if self._refusal or self._finish == "content_filter":
            raise EngineError("refused", self._refusal[:300] or "the provider's content filter withheld the reply")
        text, calls = "".join(self._texts), self._tool_calls()
        usage = self._usage or estimated_usage(messages, text, calls)
        return Reply(text, calls, usage, self._how_it_ended(calls), self._model)

    def so_far(self, *, sent: bool) -> Partial:
        """What has come by now; most servers report the usage with the last chunk only."""
        return Partial("".join(self._texts), "".join(self._reasoning), self._tool_calls(), self._usage, self._model, sent)

    def _tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(
            ToolCall(call.id or f"call_{number}", call.name, call.arguments) for number, call in enumerate(self._calls.values())
        )

    def _how_it_ended(self, calls: Sequence[ToolCall]) -> Finish:
        finish = _FINISH.get(self._finish or "", "stop")
        return "tool_calls" if calls and finish == "stop" else finish

    def _add_call(self, delta: "ChoiceDeltaToolCall") -> None:
        # Some servers leave the index out and send each call whole; an id then tells the calls apart.
        index: int | None = delta.index
        key = index if index is not None else delta.id or len(self._calls)
        call = self._calls.setdefault(key, _Call())
        call.id = call.id or delta.id or ""
        if delta.function is not None:
            call.name += delta.function.name or ""
            call.arguments += delta.function.arguments or ""
