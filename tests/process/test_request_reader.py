"""When a connection gets a thread: not before its request is there, and for no longer than the limits allow."""

import socket
import time
from collections.abc import Iterator

import pytest

from aasim_core.process.request_reader import Part, RequestReader, lacking_in

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[RequestReader, socket.socket]]:
    """A reader whose limits are twenty and thirty seconds, and the client at the other end."""
    server, client = socket.socketpair()
    with server, client:
        yield RequestReader(server, {Part.HEAD: 20, Part.BODY: 30}), client


@pytest.mark.parametrize(
    ("received", "lacking"),
    [
        (b"", Part.HEAD),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", Part.HEAD),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", None),
        (HEAD + b"\r\nab", Part.BODY),
        (HEAD.lower() + b"\r\nab", Part.BODY),
        (HEAD + b"\r\nabcd", None),
        (HEAD + b"\r\nabcdGET / HTTP/1.1\r\n", None),
        (b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n" + b"a" * 60_000, Part.BODY),
        (b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n" + b"a" * 70_000, None),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000, None),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", None),
    ],
)
def test_a_thread_takes_what_is_there_or_too_long_to_keep(received: bytes, lacking: Part | None) -> None:
    assert lacking_in(received) is lacking


def test_a_request_that_comes_in_pieces_is_ready_with_the_last(ends: tuple[RequestReader, socket.socket]) -> None:
    reader, client = ends
    for piece in (HEAD[:9], HEAD[9:] + b"\r", b"\nab"):
        client.sendall(piece)
        assert not reader.is_ready()
    client.sendall(b"cd")
    assert reader.is_ready()
    assert reader.read(len(HEAD) + 6) == HEAD + b"\r\nabcd"


def test_pieces_do_not_lengthen_the_time_for_a_part(ends: tuple[RequestReader, socket.socket]) -> None:
    reader, client = ends
    assert not reader.is_ready()
    until = reader.deadline
    client.sendall(HEAD)
    assert not reader.is_ready()
    assert reader.deadline == until
    client.sendall(b"\r\n")
    assert not reader.is_ready()
    assert reader.deadline > until + 9


def test_a_client_that_has_gone_is_for_a_thread(ends: tuple[RequestReader, socket.socket]) -> None:
    reader, client = ends
    client.close()
    assert reader.is_ready()
    assert reader.chunk() == b""
    assert not reader.timed_out


def test_a_client_that_asks_whether_to_send_its_body_is_told_once(ends: tuple[RequestReader, socket.socket]) -> None:
    reader, client = ends
    client.sendall(HEAD + b"Expect: 100-continue\r\n\r\n")
    assert not reader.is_ready()
    assert not reader.is_ready()
    assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"abcd")
    assert reader.is_ready()


def test_a_thread_waits_no_longer_than_the_time_for_the_body(ends: tuple[RequestReader, socket.socket]) -> None:
    reader, client = ends
    client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n")
    client.sendall(b"a" * 70_000)
    assert reader.is_ready()
    while reader.buf.getvalue():
        reader.read()
    reader.sock.setblocking(True)
    reader.deadline = time.monotonic() + 10
    client.sendall(b"bc")
    while b"bc" not in reader.chunk():
        continue
    reader.deadline = time.monotonic() - 1
    assert (reader.chunk(), reader.timed_out) == (b"", True)
