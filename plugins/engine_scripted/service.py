"""Play a script in place of a model."""

import re
import time
from collections.abc import Mapping, Sequence
from threading import Event
from typing import Any, cast

from ..engines.hookspecs import (
    DEFAULTS,
    BuiltIn,
    Cancelled,
    Capabilities,
    Chat,
    EngineConfig,
    EngineError,
    Finish,
    Message,
    OnToken,
    Parameters,
    Provider,
    Reply,
    ShouldCancel,
    ToolSpec,
    estimated_usage,
    ignore_token,
    never_cancel,
)
from .script import CUT, GARBAGE, HANG, Turn, position_of, text_of, tool_calls_of, turn_for

_POLL_SECONDS = 0.1
_NOT_JSON = '{"this is": not JSON'


class ScriptedChat:
    """A chat whose replies come from the parameters of the call."""

    def __init__(self, config: EngineConfig) -> None:
        self._model = config.model

    def chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        schema: Mapping[str, Any] | None = None,
        parameters: Parameters = DEFAULTS,
        on_token: OnToken = ignore_token,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Reply:
        """Play the turn that is next; see `Chat.chat`."""
        turn = turn_for(messages, parameters)
        failing = turn.fault if turn.until_attempt is None or parameters.attempt < turn.until_attempt else None
        _wait(float("inf") if failing == HANG else turn.delay_seconds, parameters.timeout_seconds, should_cancel)
        if failing not in (None, GARBAGE, CUT):
            raise EngineError(cast(Any, failing), f"the script says {failing}", retry_after=turn.retry_after)
        reply = self._reply(turn, failing, messages)
        if should_cancel():
            raise Cancelled
        for piece in re.findall(r"\S+\s*|\s+", reply.text):
            on_token(piece)
        return reply

    def close(self) -> None:
        """There is nothing to release."""

    def _reply(self, turn: Turn, failing: str | None, messages: Sequence[Message]) -> Reply:
        calls = tool_calls_of(turn, position_of(messages))
        text = _NOT_JSON if failing == GARBAGE else text_of(turn)
        if failing == CUT:
            text = text[: len(text) // 2]
        finish: Finish = "length" if failing == CUT else "tool_calls" if calls else "stop"
        return Reply(text, calls, estimated_usage(messages, text, calls), finish, turn.model or self._model)


def open_chat(config: EngineConfig) -> Chat:
    """A chat that plays scripts."""
    return ScriptedChat(config)


PROVIDER = Provider(
    name="scripted",
    title="Scripted replies",
    capabilities=Capabilities(streaming=True, tools="native", json_schema=True, judge=False),
    open=open_chat,
    built_in=BuiltIn(name="Scripted replies", model="script", context_tokens=1_000_000),
    free=True,
)


def _wait(seconds: float, at_most: float, should_cancel: ShouldCancel) -> None:
    """Let `seconds` pass; raises `Cancelled` when asked to, and a timeout after `at_most` seconds."""
    start = time.monotonic()
    never = Event()
    while (left := start + min(seconds, at_most) - time.monotonic()) > 0:
        if should_cancel():
            raise Cancelled
        never.wait(min(left, _POLL_SECONDS))
    if seconds > at_most:
        raise EngineError("timeout", f"no reply within {at_most:g} seconds")
