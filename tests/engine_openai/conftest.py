"""A loopback server that speaks the OpenAI protocol, and every way of breaking it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from aasim_core.secrets import Secret
from aasim_core.testing.peer import Handler, Peer, serving
from aasim_plugins.engine_openai.service import open_chat
from aasim_plugins.engines.chat import Chat, EngineConfig


@dataclass
class Fake(Peer):
    """The server, with words for good answers."""

    def answers(
        self, *pieces: str, finish: str = "stop", usage: dict[str, Any] | None = None, model: str = "answering-1"
    ) -> None:
        """Stream `pieces` as the text of a good reply."""
        chunks = [chunk({"content": piece}, model=model) for piece in pieces]
        self.streams([chunk({"role": "assistant", "content": ""}, model=model), *chunks, chunk({}, finish, model=model)], usage)

    def streams(self, events: Sequence[Any], usage: dict[str, Any] | None = None) -> None:
        """Stream `events` as they are, then the usage, then the end."""

        def behave(handler: Handler) -> None:
            handler.begin_stream()
            for value in events:
                handler.event(value)
            if usage is not None:
                handler.event({"id": "c", "model": "answering-1", "choices": [], "usage": usage})
            handler.event(b"[DONE]")
            handler.chunk(b"")

        self.behaviour = behave


def chunk(delta: dict[str, Any], finish: str | None = None, *, model: str = "answering-1") -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "model": model, "choices": [choice]}


@pytest.fixture
def make_chunk() -> Callable[..., dict[str, Any]]:
    """Makes one chunk of a stream from its delta."""
    return chunk


@pytest.fixture
def fake() -> Iterator[Peer]:
    """A running fake server."""
    with serving(lambda url: Fake(f"{url}/v1")) as fake:
        yield fake


@pytest.fixture
def chat(fake: Fake) -> Iterator[Chat]:
    """The adapter, pointed at the fake server."""
    opened = open_chat(EngineConfig(model="asked-1", base_url=fake.url, api_key=Secret("key-for-the-fake")))
    yield opened
    opened.close()
