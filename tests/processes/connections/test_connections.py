"""Connections that stay open: a thread of the server stays with one as long as its requests follow at once, and keeps nobody out."""

import http.client
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..conftest import Install
from ..installation import Installation

PATH = "/api/v1/health/live"
_MANY = 2_000
_ONE = f"GET {PATH} HTTP/1.1\r\nHost: a\r\n"


@contextmanager
def busy_connection(installation: Installation) -> Iterator[threading.Thread]:
    """Somebody who asks again over the same connection as soon as they are answered, until that is closed or the body has run."""
    is_over, is_going = threading.Event(), threading.Event()

    def ask() -> None:
        with suppress(OSError, http.client.HTTPException):
            while not is_over.is_set():
                connection.request("GET", PATH)
                connection.getresponse().read()
                is_going.set()

    connection = http.client.HTTPConnection("127.0.0.1", installation.port, timeout=60)
    thread = threading.Thread(target=ask)
    thread.start()
    assert is_going.wait(60)
    try:
        yield thread
    finally:
        is_over.set()
        thread.join()
        connection.close()


def test_requests_that_come_together_are_each_answered(running: Installation) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=60) as client:
        client.sendall(f"{_ONE}\r\n{_ONE}\r\n{_ONE}Connection: close\r\n\r\n".encode())
        received = b"".join(iter(lambda: client.recv(65_536), b""))
    assert received.count(b"HTTP/1.1 200 OK") == 3


def send_many(client: socket.socket) -> None:
    """Send requests without waiting for any answer."""
    with suppress(OSError):
        client.sendall(f"{_ONE}\r\n".encode() * _MANY)


def test_whoever_sends_many_requests_at_once_keeps_nobody_out(install: Install) -> None:
    installation = install(AASIM_SERVER__THREADS="1")
    installation.serve()
    with socket.create_connection(("127.0.0.1", installation.port), timeout=60) as client:
        client.sendall(f"{_ONE}\r\n".encode())
        received = client.recv(65_536)
        sending = threading.Thread(target=send_many, args=(client,))
        sending.start()
        other = http.client.HTTPConnection("127.0.0.1", installation.port, timeout=60)
        other.request("GET", PATH)
        while not select.select([other.sock], [], [], 0)[0]:
            received += client.recv(65_536)
        assert received.count(b"HTTP/1.1 200 OK") < _MANY
        other.close()
        client.shutdown(socket.SHUT_RDWR)
        sending.join()


def test_a_busy_connection_keeps_no_server_from_stopping(install: Install) -> None:
    installation = install()
    server = installation.serve()
    with busy_connection(installation) as client:
        assert server.stop(seconds=30) == 0
        client.join(60)
        assert not client.is_alive()
