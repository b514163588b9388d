"""Assemble a reply from the stream events of Anthropic's Messages protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..engines.hookspecs import EngineError, Finish, Message, Partial, Reply, ToolCall, Usage, estimated_usage

if TYPE_CHECKING:
    from anthropic.types import (
        MessageDeltaUsage,
        RawContentBlockDeltaEvent,
        RawContentBlockStartEvent,
        RawMessageDeltaEvent,
        RawMessageStreamEvent,
    )
    from anthropic.types import Usage as StartUsage

_FINISH: Mapping[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
}


@dataclass
class _Call:
    """A tool call as its pieces arrive."""

    id: str
    name: str
    arguments: str = ""


class Gathering:
    """Events of one stream, put together."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._texts: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._finish: str | None = None
        self._refusal = ""
        self._counts: dict[str, int] = {}

    def add(self, event: "RawMessageStreamEvent") -> str:
        """Take one event in; returns the text that it adds to the reply. Kinds that are not known add nothing."""
        if event.type == "message_start":
            self._model = event.message.model or self._model
            self._count(event.message.usage)
        elif event.type == "message_delta":
            self._end(event)
        elif event.type == "content_block_start":
            return self._begin(event)
        elif event.type == "content_block_delta":
            return self._go_on(event)
        return ""

    @property
    def finished(self) -> bool:
        """Whether the model said that the reply is complete."""
        return self._finish is not None

    def reply(self, messages: Sequence[Message]) -> Reply:
        """The whole reply to `messages`; raises `EngineError` where the model refused."""
        if self._finish == "refusal":
            raise EngineError("refused", self._refusal[:300] or "the model refused to answer")
        text, calls = "".join(self._texts), self._tool_calls()
        finish = _FINISH.get(self._finish or "", "stop")
        return Reply(text, calls, self._usage() or estimated_usage(messages, text, calls), finish, self._model)

    def so_far(self, *, sent: bool) -> Partial:
        """What has come by now; before the end, only the input tokens are reported as they are."""
        text, reasoning, calls = "".join(self._texts), "".join(self._reasoning), self._tool_calls()
        usage = self._usage()
        if usage is not None and not self.finished:
            written = max(usage.output_tokens, estimated_usage((), reasoning + text, calls).output_tokens)
            usage = replace(usage, output_tokens=written, source="estimated")
        return Partial(text, reasoning, calls, usage, self._model, sent)

    def _tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(ToolCall(call.id, call.name, call.arguments or "{}") for call in self._calls.values())

    def _begin(self, event: "RawContentBlockStartEvent") -> str:
        block = event.content_block
        if block.type == "tool_use":
            self._calls[event.index] = _Call(block.id, block.name)
        return self._say(block.text) if block.type == "text" else ""

    def _go_on(self, event: "RawContentBlockDeltaEvent") -> str:
        delta = event.delta
        if delta.type == "input_json_delta" and event.index in self._calls:
            self._calls[event.index].arguments += delta.partial_json
        if delta.type == "thinking_delta":
            self._reasoning.append(delta.thinking)
        return self._say(delta.text) if delta.type == "text_delta" else ""

    def _say(self, text: str) -> str:
        if text:
            self._texts.append(text)
        return text

    def _end(self, event: "RawMessageDeltaEvent") -> None:
        self._finish = event.delta.stop_reason or self._finish
        if (details := event.delta.stop_details) is not None:
            self._refusal = details.explanation or ""
        self._count(event.usage)

    def _count(self, usage: "StartUsage | MessageDeltaUsage | None") -> None:
        """Counts are those so far, so the last one holds."""
        for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
            if isinstance(count := getattr(usage, name, None), int):
                self._counts[name] = count

    def _usage(self) -> Usage | None:
        if "input_tokens" not in self._counts or "output_tokens" not in self._counts:
            return None
        read = self._counts.get("cache_read_input_tokens", 0)
        written = self._counts.get("cache_creation_input_tokens", 0)
        # What comes from the cache or goes into it is not among the input tokens of this protocol.
        whole = self._counts["input_tokens"] + read + written
        return Usage(whole, self._counts["output_tokens"], cache_read_tokens=read, cache_write_tokens=written)
