"""A server that speaks the OpenAI protocol, in the place of the one that the quickstart has its reader start."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aasim_core.testing.peer import Handler, serving

_REFUND = {
    "index": 0,
    "id": "call_a",
    "type": "function",
    "function": {"name": "refund", "arguments": '{"order": 7, "euros": 40}'},
}


@contextmanager
def model_host() -> Iterator[str]:
    """The URL of a running server, whose model calls the tool that it is offered, and then answers."""
    with serving() as peer:
        peer.behaviour = _behave
        yield f"{peer.url}/v1"


def _behave(handler: Handler) -> None:
    asked = handler.server.peer.bodies[-1]
    calls = bool(asked.get("tools")) and asked["messages"][-1]["role"] != "tool"
    delta: dict[str, Any] = {"tool_calls": [_REFUND]} if calls else {"content": "The 40 euros for order 7 are refunded."}
    handler.begin_stream()
    handler.event(_chunk({"role": "assistant", **delta}))
    handler.event(_chunk({}, "tool_calls" if calls else "stop"))
    handler.event(b"[DONE]")
    handler.chunk(b"")


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "model": "qwen3:4b", "choices": [choice]}
