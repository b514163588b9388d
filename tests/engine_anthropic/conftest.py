"""A loopback server that speaks Anthropic's Messages protocol, and every way of breaking it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from aasim_core.secrets import Secret
from aasim_core.testing.peer import Handler, Peer, serving
from aasim_plugins.engine_anthropic.service import open_chat
from aasim_plugins.engines.chat import Chat, EngineConfig


@dataclass
class Fake(Peer):
    """The server, with words for good answers."""

    def answers(self, *pieces: str, stop_reason: str = "end_turn", usage: Mapping[str, int] | None = None) -> None:
        """Stream `pieces` as the text of a good reply."""
        self.streams(opening(usage), *text_block(0, *pieces), *closing(stop_reason))

    def streams(self, *events: Mapping[str, Any]) -> None:
        """Stream `events` as they are, and end in good order."""

        def behave(handler: Handler) -> None:
            handler.begin_stream()
            send(handler, events)
            handler.chunk(b"")

        self.behaviour = behave


def opening(usage: Mapping[str, int] | None = None) -> dict[str, Any]:
    """The event that begins a reply."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "answering-1", "content": []}
    counted = {"input_tokens": 12, "output_tokens": 1, **(usage or {})}
    return {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": counted}}


def text_block(index: int, *pieces: str) -> list[dict[str, Any]]:
    """The events of a block of text."""
    start = {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
    return [start, *(delta(index, type="text_delta", text=piece) for piece in pieces), block_end(index)]


def tool_block(index: int, identity: str, name: str, *pieces: str) -> list[dict[str, Any]]:
    """The events of a tool call whose arguments come in pieces."""
    block = {"type": "tool_use", "id": identity, "name": name, "input": {}}
    start = {"type": "content_block_start", "index": index, "content_block": block}
    return [start, *(delta(index, type="input_json_delta", partial_json=piece) for piece in pieces), block_end(index)]


def delta(index: int, **fields: Any) -> dict[str, Any]:
    """A piece of a block."""
    return {"type": "content_block_delta", "index": index, "delta": fields}


def block_end(index: int) -> dict[str, Any]:
    """The end of a block."""
    return {"type": "content_block_stop", "index": index}


def closing(stop_reason: str, output_tokens: int = 3, details: Any = None) -> list[dict[str, Any]]:
    """The events that end a reply."""
    ended = {"stop_reason": stop_reason, "stop_sequence": None, "stop_details": details}
    return [{"type": "message_delta", "delta": ended, "usage": {"output_tokens": output_tokens}}, {"type": "message_stop"}]


def send(handler: Handler, events: Sequence[Mapping[str, Any]]) -> None:
    """Send events under their names."""
    for event in events:
        handler.event(event, name=event["type"])


@pytest.fixture
def fake() -> Iterator[Peer]:
    """A running fake server."""
    with serving(Fake) as fake:
        yield fake


@pytest.fixture
def chat(fake: Fake) -> Iterator[Chat]:
    """The adapter, pointed at the fake server."""
    opened = open_chat(EngineConfig(model="asked-1", base_url=fake.url, api_key=Secret("key-for-the-fake")))
    yield opened
    opened.close()


@pytest.fixture
def wire() -> Any:
    """The events of the protocol."""
    return Wire


class Wire:
    """Makes the events of a stream."""

    opening, closing, text_block, tool_block, delta = map(staticmethod, (opening, closing, text_block, tool_block, delta))
    send = staticmethod(send)
