"""Requests to other people's URLs reach the internet, and nothing on this side of it."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpcore2
import pytest

from aasim_core.outbound.deadlines import DeadlinePassed, Patience, PatientBackend, Stopped
from aasim_core.outbound.egress import Egress, GuardedBackend, NotAllowed

CLOSED = """
    0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1
    192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::7f00:1
    100::1 2001::1 2001:0:7f00:1:: 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe:: 3fff::1 5f00::1
    fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1
""".split()
OPEN = "1.1.1.1 8.8.8.8 172.15.255.255 172.32.0.1 192.0.1.1 2606:4700:4700::1111 2a00:1450:4001::1 ::ffff:8.8.8.8".split()


@pytest.mark.parametrize("address", CLOSED)
def test_an_address_on_this_side_is_closed(address: str) -> None:
    assert not Egress().permits(address)


@pytest.mark.parametrize("address", OPEN)
def test_an_address_on_the_internet_is_open(address: str) -> None:
    assert Egress().permits(address)


def test_the_operator_opens_networks_and_nothing_beside_them() -> None:
    egress = Egress(["10.1.0.0/16", "fd12::/64"])

    assert egress.permits("10.1.2.3")
    assert egress.permits("::ffff:10.1.2.3")
    assert egress.permits("fd12::5")
    assert not egress.permits("10.2.0.1")
    assert not egress.permits("fd13::5")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "017700000001", "::1", "①②⑦.⓪.⓪.①"])
def test_no_spelling_of_this_machine_gets_through(host: str) -> None:
    with pytest.raises((NotAllowed, httpcore2.ConnectError)):
        GuardedBackend(Egress()).connect_tcp(host, 9, 1)


def test_one_closed_address_of_a_name_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answers_with(monkeypatch, "93.184.215.14", "169.254.169.254")

    with pytest.raises(NotAllowed):
        Egress().resolve("rebinding.example", 443)


def test_a_name_without_address_is_a_failed_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(httpcore2.ConnectError):
        GuardedBackend(Egress()).connect_tcp("nowhere.example", 443, 1)


@pytest.fixture
def port() -> Iterator[int]:
    """A port of this machine on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers_with(monkeypatch, "127.0.0.2", "127.0.0.1")
    backend = GuardedBackend(Egress(["127.0.0.0/8"]))

    stream = backend.connect_tcp("two-addresses.example", port, 1)

    assert stream.get_extra_info("server_addr") == ("127.0.0.1", port), "the first one does not listen"
    assert asked == ["two-addresses.example"], "a second look-up could answer something else"
    stream.close()


LOOPBACK = Egress(["127.0.0.0/8"])
SILENT = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")


@pytest.fixture
def silent(port: int) -> Iterator[None]:
    """At the addresses `SILENT`, nobody answers at the port: their queues are full."""
    with ExitStack() as stack:
        for address in SILENT:
            listener = stack.enter_context(socket.socket())
            listener.bind((address, port))
            listener.listen(0)
            for _ in range(2):
                caller = stack.enter_context(socket.socket())
                caller.setblocking(False)
                caller.connect_ex((address, port))
        yield


@pytest.mark.long
@pytest.mark.usefixtures("silent")
def test_an_address_that_does_not_answer_leaves_time_for_the_next(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    answers_with(monkeypatch, SILENT[0], "127.0.0.1")

    with LOOPBACK.connect("two-addresses.example", port, 4) as connected:
        assert connected.getpeername() == ("127.0.0.1", port)


@pytest.mark.long
@pytest.mark.usefixtures("silent")
def test_all_addresses_together_take_no_longer_than_one_may(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    answers_with(monkeypatch, *SILENT)
    began = time.monotonic()

    with pytest.raises(httpcore2.ConnectTimeout):
        GuardedBackend(LOOPBACK).connect_tcp("many-addresses.example", port, 3)

    assert time.monotonic() - began < 5.9, "each of the two took its whole time"


def test_only_the_first_addresses_of_a_name_are_tried(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    answers_with(monkeypatch, *SILENT, "127.0.0.1")

    with pytest.raises(httpcore2.ConnectError):
        GuardedBackend(LOOPBACK).connect_tcp("many-addresses.example", port, 3)


def connect_patiently(port: int, patience: Patience) -> None:
    PatientBackend(patience, GuardedBackend(LOOPBACK, patience.check)).connect_tcp("many-addresses.example", port)


@pytest.mark.long
@pytest.mark.usefixtures("silent")
def test_a_call_that_ends_while_it_connects_is_told_as_that(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    answers_with(monkeypatch, *SILENT)
    patience = Patience()
    patience.begin(0.2, lambda: False)

    with pytest.raises(DeadlinePassed) as caught:
        connect_patiently(port, patience)

    assert not caught.value.sent


@pytest.mark.long
@pytest.mark.usefixtures("silent")
def test_a_call_that_is_stopped_tries_no_other_address(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    answers_with(monkeypatch, *SILENT)
    answers = iter([False, True])
    patience = Patience()
    patience.begin(2, lambda: next(answers))

    with pytest.raises(Stopped):
        connect_patiently(port, patience)


def answers_with(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name have these addresses; returns the names that are looked up, as they are."""
    looked_up: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        if host in addresses:
            return real(host, port, *rest, **named)
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return looked_up
