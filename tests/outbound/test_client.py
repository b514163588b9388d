"""The HTTP client for other people's URLs: where it goes, and how much of a peer it bears; both of its forms."""

import gzip
import threading
from collections.abc import Callable, Iterator

import anyio
import httpx2
import pytest

from aasim_core.context import SYSTEM, acting_as
from aasim_core.outbound.client import GuardedAsyncTransport, guarded_async_client, guarded_client
from aasim_core.outbound.deadlines import DeadlinePassed, Patience, TooLarge
from aasim_core.outbound.egress import Egress, NotAllowed
from aasim_core.testing.peer import Handler, Peer, serving

OPEN = Egress(["127.0.0.0/8"])
TRACEPARENT = f"00-{'a' * 32}-{'b' * 16}-01"
Post = Callable[..., httpx2.Response]


def patient(seconds: float = 5, most_bytes: int = 10_000) -> Patience:
    patience = Patience(most_bytes)
    patience.begin(seconds, lambda: False)
    return patience


def post(url: str, egress: Egress = OPEN, patience: Patience | None = None) -> httpx2.Response:
    with guarded_client(egress, patience or patient()) as client:
        return client.post(url, json={})


def post_async(url: str, egress: Egress = OPEN, patience: Patience | None = None) -> httpx2.Response:
    async def ask() -> httpx2.Response:
        transport = GuardedAsyncTransport(egress, patience or patient())
        async with guarded_async_client(transport, {"X-Own": "1"}) as client:
            return await client.post(url, json={})

    return anyio.run(ask)


both = pytest.mark.parametrize("send", [post, post_async])


@pytest.fixture
def peer() -> Iterator[Peer]:
    with serving() as peer:
        yield peer


@both
def test_a_request_is_answered(send: Post, peer: Peer) -> None:
    peer.behaviour = lambda handler: handler.answer(200, {"hello": "there"})

    assert send(peer.url).json() == {"hello": "there"}


@both
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"])
def test_it_goes_nowhere_on_this_side(send: Post, peer: Peer, host: str) -> None:
    with pytest.raises((NotAllowed, httpx2.ConnectError)):
        send(f"http://{host}:{httpx2.URL(peer.url).port}/", Egress())
    assert peer.bodies == []


@both
def test_it_passes_on_the_trace_of_whoever_caused_the_request(send: Post, peer: Peer) -> None:
    with acting_as(SYSTEM, traceparent=TRACEPARENT):
        send(peer.url)
    assert peer.headers[0]["traceparent"] == TRACEPARENT


@both
@pytest.mark.parametrize(
    "traceparent",
    [None, "", "abc", TRACEPARENT.upper(), TRACEPARENT + "-1", "ff" + TRACEPARENT[2:], f"00-{'0' * 32}-{'b' * 16}-01"],
)
def test_what_names_no_trace_is_not_passed_on(send: Post, peer: Peer, traceparent: str | None) -> None:
    with acting_as(SYSTEM, traceparent=traceparent):
        send(peer.url)
    assert "traceparent" not in peer.headers[0]


@both
def test_it_takes_no_proxy_from_the_environment(send: Post, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", peer.url)
    monkeypatch.setenv("ALL_PROXY", peer.url)

    with pytest.raises(NotAllowed):
        send("http://127.0.0.1:9/", Egress())
    assert peer.bodies == []


@both
def test_it_follows_no_redirect(send: Post, peer: Peer) -> None:
    peer.behaviour = lambda handler: handler.answer(302, {}, Location=f"{peer.url}/elsewhere")

    assert send(peer.url).status_code == 302
    assert len(peer.bodies) == 1


@both
def test_it_reads_no_more_than_it_may(send: Post, peer: Peer) -> None:
    peer.behaviour = lambda handler: handler.answer(200, b"x" * 20_000)

    with pytest.raises(TooLarge):
        send(peer.url)


@both
def test_it_asks_for_nothing_packed_and_unpacks_nothing(send: Post, peer: Peer) -> None:
    peer.behaviour = lambda handler: handler.answer(200, gzip.compress(b"\0" * 1_000_000), Content_Encoding="gzip")

    with pytest.raises(httpx2.RemoteProtocolError):
        send(peer.url)
    assert peer.headers[0]["Accept-Encoding"] == "identity"


@pytest.mark.long
def test_it_waits_no_longer_than_it_may(peer: Peer) -> None:
    let_go = threading.Event()

    def drip(handler: Handler) -> None:
        handler.begin_stream()
        while not let_go.wait(0.02):
            handler.chunk(b"x")
        handler.chunk(b"")

    peer.behaviour = drip
    with pytest.raises(DeadlinePassed):
        post(peer.url, patience=patient(0.3))
    let_go.set()


def test_an_address_is_closed_in_every_spelling_and_a_name_is_not_looked_up() -> None:
    closed = [host for host in ("10.0.0.1", "0x7f.1", "2130706433", "::1", "::ffff:127.0.0.1") if not Egress().closes(host)]
    assert closed == []
    assert not Egress().closes("8.8.8.8")
    assert not Egress(["10.0.0.0/8"]).closes("10.0.0.1")
    assert not Egress().closes("hooks.example.com"), "what a name leads to is seen when it is called"


@pytest.mark.parametrize("host", ["localhost", "LocalHost.", "shop.localhost"])
def test_localhost_is_this_machine(host: str) -> None:
    assert Egress().closes(host)
    assert not Egress(["127.0.0.0/8"]).closes(host)


def test_a_socket_goes_where_it_may(peer: Peer) -> None:
    port = httpx2.URL(peer.url).port
    assert port is not None

    with pytest.raises(NotAllowed):
        Egress().connect("localhost", port, 1)
    with OPEN.connect("127.0.0.1", port, 1) as connected:
        assert connected.getpeername() == ("127.0.0.1", port)
    with pytest.raises(OSError, match="has no address"):
        OPEN.connect("a" * 70 + ".example", port, 1)
