"""A client that keeps its connections: they are used again, never for too long, and each was checked when it was made."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aasim_core.outbound.deadlines import DeadlinePassed, TooLarge
from aasim_core.outbound.egress import Egress, NotAllowed
from aasim_core.outbound.persistent_client import KeptClient
from aasim_core.testing.peer import Handler, Peer, serving

from ..certificates import self_signed


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A peer that takes everything."""
    with serving() as peer:
        peer.behaviour = lambda handler: handler.answer(204, b"")
        yield peer


@pytest.fixture
def client() -> Iterator[KeptClient]:
    """A client that may go to this machine."""
    with closing(KeptClient(Egress(["127.0.0.0/8"]), 10_000)) as client:
        yield client


def post(client: KeptClient, url: str, seconds: float = 20) -> int:
    """The status that a POST is answered with, whose answer is read to the end."""
    with client.stream("POST", url, content=b"{}", seconds=seconds, should_stop=lambda: False) as response:
        response.read()
        return int(response.status_code)


def noting(peer: Peer, then: Callable[[Handler, int], None]) -> list[int]:
    """The ports from which requests come; the peer does what `then` does, which is told how many there were before."""
    ports: list[int] = []

    def behave(handler: Handler) -> None:
        ports.append(handler.client_address[1])
        then(handler, len(ports) - 1)

    peer.behaviour = behave
    return ports


def take(handler: Handler, number: int) -> None:
    handler.answer(204, b"")


def test_a_connection_is_used_again(client: KeptClient, peer: Peer) -> None:
    ports = noting(peer, take)
    assert [post(client, peer.url) for _ in range(3)] == [204] * 3
    assert len(set(ports)) == 1


def test_another_thread_uses_it_too_and_two_at_the_same_time_have_two(client: KeptClient, peer: Peer) -> None:
    at_once = threading.Barrier(2, timeout=60)
    ports = noting(peer, lambda handler, number: (at_once.wait() if number > 1 else None, handler.answer(204, b"")))
    with ThreadPoolExecutor(2) as pool:
        assert post(client, peer.url) == pool.submit(post, client, peer.url).result() == 204
        assert len(set(ports)) == 1
        assert list(pool.map(lambda _: post(client, peer.url), range(2))) == [204, 204]
    assert (len(ports), len(set(ports))) == (4, 2)


def test_one_that_the_peer_has_closed_is_not_used_again(client: KeptClient, peer: Peer) -> None:
    def take_and_leave(handler: Handler, number: int) -> None:
        handler.answer(204, b"")
        handler.close_connection = True

    ports = noting(peer, take_and_leave)
    assert [post(client, peer.url) for _ in range(2)] == [204] * 2
    assert len(set(ports)) == 2


def test_where_a_kept_one_is_closed_just_now_the_request_is_sent_once_more(client: KeptClient, peer: Peer) -> None:
    def break_the_second(handler: Handler, number: int) -> None:
        handler.reset() if number == 1 else handler.answer(204, b"")

    ports = noting(peer, break_the_second)
    assert [post(client, peer.url) for _ in range(2)] == [204] * 2
    assert (len(ports), len(set(ports))) == (3, 2)


def test_where_a_new_one_breaks_the_request_is_not_sent_once_more(client: KeptClient, peer: Peer) -> None:
    ports = noting(peer, lambda handler, number: handler.reset())
    with pytest.raises(httpx2.HTTPError):
        post(client, peer.url)
    assert len(ports) == 1


def test_one_whose_answer_was_not_read_to_the_end_is_not_used_again(client: KeptClient, peer: Peer) -> None:
    ports = noting(peer, lambda handler, number: handler.answer(200, b"x" * 5_000))
    for _ in range(2):
        with client.stream("POST", peer.url, content=b"{}", seconds=20, should_stop=lambda: False) as response:
            assert response.status_code == 200
    assert len(set(ports)) == 2


@pytest.mark.long
def test_each_request_over_it_has_a_time_and_a_weight_of_its_own(client: KeptClient, peer: Peer) -> None:
    answers = [lambda handler: handler.answer(200, b"x" * 8_000)] * 2
    answers += [lambda handler: handler.answer(200, b"x" * 12_000), lambda handler: handler.hang_until_the_peer_leaves()]
    noting(peer, lambda handler, number: answers[number](handler))
    assert [post(client, peer.url) for _ in range(2)] == [200, 200]
    with pytest.raises(TooLarge):
        post(client, peer.url)
    with pytest.raises(DeadlinePassed):
        post(client, peer.url, seconds=0.3)


def test_over_tls_only_whoever_is_trusted_is_talked_to_and_the_connection_is_kept(
    client: KeptClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    with serving(certificate=certificate) as peer:
        ports = noting(peer, take)
        with pytest.raises(httpx2.ConnectError):
            post(client, peer.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with closing(KeptClient(Egress(["127.0.0.0/8"]), 10_000)) as trusting:
            assert [post(trusting, peer.url) for _ in range(3)] == [204] * 3
    assert len(set(ports)) == 1


def test_cookies_are_not_sent_back(client: KeptClient, peer: Peer) -> None:
    peer.behaviour = lambda handler: handler.answer(204, b"", Set_Cookie="session=of-somebody-else; Path=/")
    for _ in range(2):
        post(client, peer.url)
    assert "Cookie" not in peer.headers[1]


def test_redirects_are_not_followed(client: KeptClient, peer: Peer) -> None:
    peer.behaviour = lambda handler: handler.answer(307, b"", Location=f"{peer.url}/elsewhere")
    assert post(client, peer.url) == 307
    assert peer.paths == ["/"]


def test_the_address_is_checked_at_each_connection(client: KeptClient, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere by now: the kept connection stays at the address that was checked, and no new one is made."""
    addresses, real = ["127.0.0.1", "10.0.0.1"], socket.getaddrinfo

    def look_up(host: str, port: int, *more: Any, **named: Any) -> Any:
        return real(addresses.pop(0) if host == "hooks.example" else host, port, *more, **named)

    def take_two_and_leave(handler: Handler, number: int) -> None:
        handler.answer(204, b"")
        handler.close_connection = number == 1

    monkeypatch.setattr("aasim_core.outbound.egress.socket.getaddrinfo", look_up)
    ports = noting(peer, take_two_and_leave)
    url = f"http://hooks.example:{httpx2.URL(peer.url).port}/"
    assert [post(client, url) for _ in range(2)] == [204, 204]
    with pytest.raises(NotAllowed):
        post(client, url)
    assert len(set(ports)) == 1
