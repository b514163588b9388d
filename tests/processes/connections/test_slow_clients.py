"""Clients that send slowly, without a proxy in front: they hold no thread of the server, and their time is limited."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from ..conftest import Install
from ..installation import Installation

LIVE = "/api/v1/health/live"
HALF_A_HEAD = f"GET {LIVE} HTTP/1.1\r\nHost: a\r\n".encode()
HEAD = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
HALF_A_BODY = HEAD + b'Content-Length: 20\r\n\r\n{"email": '
ASKED = HEAD + b"Content-Length: 20\r\nExpect: 100-continue\r\n\r\n{"
LONG = HEAD + b"Content-Length: 900000\r\n\r\n"
#: More than two processes of sixteen threads.
MANY = 40


def connect(installation: Installation) -> socket.socket:
    return socket.create_connection(("127.0.0.1", installation.port), timeout=60)


@contextmanager
def waiting(installation: Installation, sent: bytes, count: int = MANY) -> Iterator[list[socket.socket]]:
    """So many connections that have sent this, and do not go on."""
    with ExitStack() as open_ones:
        connections = [open_ones.enter_context(connect(installation)) for _ in range(count)]
        for connection in connections:
            connection.sendall(sent)
        yield connections


def live(installation: Installation) -> int:
    # Half of the time after which the server gives up those that it waits for.
    client = http.client.HTTPConnection("127.0.0.1", installation.port, timeout=10)
    client.request("GET", LIVE)
    try:
        return client.getresponse().status
    finally:
        client.close()


def answer_on(connection: socket.socket) -> tuple[bytes, dict[str, object]]:
    """The status line and the body of the answer, after which the server closes the connection."""
    received = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0], json.loads(body)


@pytest.mark.parametrize("sent", [b"", HALF_A_HEAD, HALF_A_BODY, ASKED, LONG], ids=["no", "head", "body", "asked", "long"])
def test_forty_half_open_requests_keep_nobody_out(running: Installation, sent: bytes) -> None:
    with waiting(running, sent):
        assert [live(running) for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("sent", [HALF_A_HEAD, HALF_A_BODY], ids=["head", "body"])
def test_a_request_that_does_not_come_in_time_is_refused(install: Install, sent: bytes) -> None:
    installation = install(AASIM_SERVER__HEADER_SECONDS="1", AASIM_SERVER__BODY_SECONDS="1")
    installation.serve()
    with waiting(installation, sent, 1) as [connection]:
        line, body = answer_on(connection)
    assert line == b"HTTP/1.1 408 Request Timeout"
    assert [problem["code"] for problem in body["errors"]["_"]] == ["request_timeout"]  # type: ignore[index]


def test_a_long_body_that_stops_gives_its_thread_back(install: Install) -> None:
    installation = install(AASIM_SERVER__BODY_SECONDS="1", AASIM_SERVER__WORKERS="1", AASIM_SERVER__THREADS="1")
    installation.serve()
    with waiting(installation, LONG + b" " * 100_000, 1) as [connection]:
        line, _ = answer_on(connection)
        assert line == b"HTTP/1.1 400 Bad Request"
        assert live(installation) == 200


def test_clients_that_do_not_close_their_connections_keep_nobody_out(running: Installation) -> None:
    with waiting(running, HALF_A_HEAD + b"Connection: close\r\n\r\n") as connections:
        assert all(answer_on(connection)[0] == b"HTTP/1.1 200 OK" for connection in connections)
        assert [live(running) for _ in range(5)] == [200] * 5


def test_a_slow_request_that_comes_in_time_is_answered(running: Installation) -> None:
    with waiting(running, HALF_A_HEAD, 1) as [connection]:
        assert live(running) == 200
        connection.sendall(b"Connection: close\r\n\r\n")
        assert answer_on(connection)[0] == b"HTTP/1.1 200 OK"


def test_half_open_requests_keep_no_server_from_stopping(install: Install) -> None:
    installation = install()
    server = installation.serve()
    with waiting(installation, HALF_A_HEAD):
        assert server.stop(seconds=25) == 0


def test_no_answer_names_the_servers_software(running: Installation) -> None:
    with waiting(running, HALF_A_HEAD + b"Connection: close\r\n\r\n", 1) as [connection]:
        head = b"".join(iter(lambda: connection.recv(65_536), b"")).partition(b"\r\n\r\n")[0]
    assert b"\r\nserver:" not in head.lower()
