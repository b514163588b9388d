"""A scriptable server on loopback, for testing clients against failing services."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """One request to the server, with the means to answer it well or badly."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        """Note what came, and behave; a request whose client died before the end of its body never came."""
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        self.server.peer.raw_bodies.append(body)
        self.server.peer.bodies.append(_json(body))
        self.server.peer.headers.append(dict(self.headers))
        self.server.peer.paths.append(self.path)
        self.server.peer.methods.append(self.command)
        self.server.peer.behaviour(self)

    do_GET = do_HEAD = do_OPTIONS = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - names of http.server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def begin_stream(self) -> None:
        """Begin to answer with server-sent events."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        """Send one chunk; an empty one is the last."""
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def event(self, value: Any, name: str | None = None) -> None:
        """Send one event: bytes as they are, anything else as JSON."""
        named = f"event: {name}\n".encode() if name else b""
        self.chunk(named + b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n")

    def answer(self, status: int, body: Any, **headers: str) -> None:
        """Answer at once: bytes as they are, anything else as JSON; ``Retry_After`` becomes ``Retry-After``."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def reset(self) -> None:
        """Break the connection, as a machine does that goes away."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def hang_until_the_peer_leaves(self) -> None:
        """Say nothing; `left` is set once the client has gone, and `peer_left` says whether it did so in good order."""
        self.server.peer.hanging.set()
        self.connection.settimeout(20)
        self.server.peer.peer_left = self.connection.recv(1) == b""
        self.server.peer.left.set()
        self.close_connection = True


@dataclass
class Peer:
    """The server as a test sees it: where it is, what it was asked, and what it does next."""

    url: str
    behaviour: Behaviour = lambda handler: handler.answer(500, {"message": "no behaviour was set"})
    bodies: list[Any] = field(default_factory=list)
    raw_bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    peer_left: bool = False


def _json(body: bytes) -> Any:
    """The value of the body; None of one that is no JSON."""
    try:
        return json.loads(body)
    except ValueError:
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    peer: Peer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is what many tests are about."""


@contextmanager
def serving(make: Callable[[str], Peer] = Peer, certificate: Path | None = None) -> Iterator[Peer]:
    """A running server; `make` makes what the test holds from its URL, which has no path. With a `certificate`, it speaks TLS."""
    with _Server(("127.0.0.1", 0), Handler) as server:
        server.peer = make(f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}")
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.peer
        finally:
            server.shutdown()
            thread.join()
