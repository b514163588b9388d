"""A loopback server that speaks the OpenAI protocol, and every way of breaking it."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from aasim_core.secrets import Secret
from aasim_plugins.engine_openai.service import open_chat
from aasim_plugins.engines.chat import Chat, EngineConfig

Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """One request to the fake server, with the means to answer it well or badly."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.fake.bodies.append(json.loads(self.rfile.read(length)))
        self.server.fake.headers.append(dict(self.headers))
        self.server.fake.behaviour(self)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def raw(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def event(self, value: Any) -> None:
        self.raw(b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n")

    def end_stream(self) -> None:
        self.event(b"[DONE]")
        self.raw(b"")

    def refuse(self, status: int, error: Any, **headers: str) -> None:
        body = error if isinstance(error, bytes) else json.dumps({"error": error}).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def hang_until_the_peer_leaves(self) -> None:
        self.server.fake.hanging.set()
        self.connection.settimeout(20)
        self.server.fake.peer_left = self.connection.recv(1) == b""
        self.server.fake.left.set()
        self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    fake: "Fake"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that leaves in the middle is what many tests are about."""


@dataclass
class Fake:
    """The server, what it was asked, and what it does next."""

    url: str
    behaviour: Behaviour = lambda handler: handler.refuse(500, {"message": "no behaviour was set"})
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    peer_left: bool = False

    def answers(
        self, *pieces: str, finish: str = "stop", usage: dict[str, int] | None = None, model: str = "answering-1"
    ) -> None:
        """Stream `pieces` as the text of a good reply."""
        chunks = [chunk({"content": piece}, model=model) for piece in pieces]
        self.streams([chunk({"role": "assistant", "content": ""}, model=model), *chunks, chunk({}, finish, model=model)], usage)

    def streams(self, events: Sequence[Any], usage: dict[str, int] | None = None) -> None:
        """Stream `events` as they are, then the usage, then the end."""

        def behave(handler: Handler) -> None:
            handler.begin_stream()
            for value in events:
                handler.event(value)
            if usage is not None:
                handler.event({"id": "c", "model": "answering-1", "choices": [], "usage": usage})
            handler.end_stream()

        self.behaviour = behave


def chunk(delta: dict[str, Any], finish: str | None = None, *, model: str = "answering-1") -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "model": model, "choices": [choice]}


@pytest.fixture
def make_chunk() -> Callable[..., dict[str, Any]]:
    """Makes one chunk of a stream from its delta."""
    return chunk


@pytest.fixture
def fake() -> Iterator[Fake]:
    """A running fake server."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.fake = Fake(f"http://127.0.0.1:{server.server_port}/v1")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.fake
        server.shutdown()
        thread.join()


@pytest.fixture
def chat(fake: Fake) -> Iterator[Chat]:
    """The adapter, pointed at the fake server."""
    opened = open_chat(EngineConfig(model="asked-1", base_url=fake.url, api_key=Secret("key-for-the-fake")))
    yield opened
    opened.close()
