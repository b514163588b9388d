"""Mail servers that do not come to an end, or break off in the middle."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from aasim_core.testing.databases import Databases
from aasim_plugins.connected_apps.connecting import AppError

from ..conftest import Apps
from .test_smtp import MAIL, connect


@pytest.fixture
def databases(sqlite_folder: Databases) -> Databases:
    """What a mail server answers has nothing to do with the database."""
    return sqlite_folder


@contextmanager
def talking(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Somebody at this port who does `talk` with the one who connects, until they leave."""

    def run(listener: socket.socket) -> None:
        with suppress(OSError), listener.accept()[0] as peer:
            talk(peer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=run, args=[listener])
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def dripping(piece: bytes) -> Callable[[socket.socket], None]:
    def talk(peer: socket.socket) -> None:
        while True:
            peer.sendall(piece)
            time.sleep(0.05)

    return talk


def silent(peer: socket.socket) -> None:
    while peer.recv(1024):
        pass


def flooding(peer: socket.socket) -> None:
    while True:
        peer.sendall(b"220-more\r\n" * 1000)


def answering(*replies: bytes) -> Callable[[socket.socket], None]:
    """Gives each reply when it was sent something, and then breaks the connection."""

    def talk(peer: socket.socket) -> None:
        for reply in replies:
            peer.sendall(reply + b"\r\n")
            peer.recv(64 * 1024)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return talk


def failed_call(apps: Apps, talk: Callable[[socket.socket], None], encryption: str = "none", **more: Any) -> AppError:
    """How a mail by such a server failed."""
    with talking(talk) as port:
        made = connect(apps, port, credentials={}, config={"encryption": encryption})
        with pytest.raises(AppError) as caught:
            apps.call(made, "send_mail", MAIL, **more)
    return caught.value


@pytest.mark.long
@pytest.mark.parametrize(
    ("talk", "encryption"), [(dripping(b"2"), "none"), (dripping(b"220-more\r\n"), "none"), (silent, "none"), (silent, "tls")]
)
def test_a_server_that_does_not_come_to_an_end_is_left_in_time(apps: Apps, talk: Any, encryption: str) -> None:
    error = failed_call(apps, talk, encryption, seconds_left=0.4)

    assert (error.code, error.unknown) == ("timeout", False)


@pytest.mark.long
def test_a_call_that_is_cancelled_leaves_the_server(apps: Apps) -> None:
    connected = threading.Event()

    def talk(peer: socket.socket) -> None:
        connected.set()
        silent(peer)

    error = failed_call(apps, talk, should_stop=connected.is_set)

    assert (error.code, error.unknown) == ("cancelled", False)


@pytest.mark.long
def test_more_than_any_answer_weighs_is_not_read(apps: Apps) -> None:
    error = failed_call(apps, flooding)

    assert (error.code, error.unknown) == ("too_large", False)


def test_a_connection_that_is_lost_when_the_mail_is_out_is_unknown(apps: Apps) -> None:
    error = failed_call(apps, answering(b"220 hello", b"250 hello", b"250 from", b"250 to", b"354 go on"))

    assert (error.code, error.unknown) == ("unavailable", True)


def test_a_recipient_stays_refused_when_the_connection_is_lost_after_it(apps: Apps) -> None:
    error = failed_call(apps, answering(b"220 hello", b"250 hello", b"250 from", b"550 no such mailbox"))

    assert (error.code, error.unknown) == ("refused", False)
