"""Receivers that misbehave: each way has a name, takes no longer than it may, and leads nowhere else."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import pytest

from aasim_core.secrets.masking import spellings
from aasim_core.testing.peer import Handler, Peer
from aasim_plugins.webhooks.delivery.sending import Outcome, Stopped, new_client, send

from ..conftest import answering

OPEN = ["127.0.0.0/8"]


def sent(url: str, seconds: float = 20, networks: Sequence[str] = OPEN, **more: object) -> Outcome:
    with closing(new_client(networks)) as client:
        return send(client, url, {}, b"{}", seconds=seconds, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, "succeeded"), (202, "succeeded"), (299, "succeeded"), (304, "redirected"), (400, "refused"), (404, "refused"),
        (410, "gone"), (429, "throttled"), (500, "refused"), (502, "throttled"), (503, "refused"), (504, "throttled"),
    ],
)  # fmt: skip
def test_the_status_decides(receiver: Peer, status: int, code: str) -> None:
    receiver.behaviour = answering(status, b"so be it" if status != 304 else b"")
    outcome = sent(receiver.url)
    assert (outcome.code, outcome.http_status) == (code, status)


def test_redirects_are_not_followed(receiver: Peer) -> None:
    receiver.behaviour = answering(307, b"", Location=f"{receiver.url}/elsewhere")
    assert sent(receiver.url).code == "redirected"
    assert receiver.paths == ["/"]


def test_a_kilobyte_of_an_answer_is_kept(receiver: Peer) -> None:
    receiver.behaviour = answering(200, b"x" * 100_000)
    assert sent(receiver.url).response_body == "x" * 1024


def test_an_answer_without_an_end_holds_nothing_up(receiver: Peer) -> None:
    def go_on(handler: Handler) -> None:
        handler.begin_stream()
        while True:
            handler.chunk(b"x" * 1000)

    receiver.behaviour = go_on
    outcome = sent(receiver.url)
    assert (outcome.code, len(outcome.response_body)) == ("succeeded", 1024)


@pytest.mark.long
def test_an_answer_whose_body_stops_is_as_good_as_its_status(receiver: Peer) -> None:
    def stop(handler: Handler) -> None:
        handler.begin_stream()
        handler.chunk(b"so far")
        handler.hang_until_the_peer_leaves()

    receiver.behaviour = stop
    outcome = sent(receiver.url, seconds=0.5)
    assert (outcome.code, outcome.response_body) == ("succeeded", "so far")


def _flood(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(1000)))


def _garble(handler: Handler) -> None:
    handler.wfile.write(b"This is no HTTP.\r\n\r\n")
    handler.close_connection = True


@pytest.mark.parametrize(
    ("behaviour", "codes"),
    [
        (_flood, {"too_large", "invalid_answer"}),
        (_garble, {"invalid_answer"}),
        (lambda handler: handler.reset(), {"connection_lost"}),
        (lambda handler: handler.answer(200, b"", Content_Encoding="gzip"), {"invalid_answer"}),
    ],
)
def test_what_is_no_answer_has_a_name(receiver: Peer, behaviour: Callable[[Handler], None], codes: set[str]) -> None:
    receiver.behaviour = behaviour
    assert sent(receiver.url).code in codes


@pytest.mark.long
def test_a_receiver_that_says_nothing_is_left_in_time(receiver: Peer) -> None:
    receiver.behaviour = lambda handler: handler.hang_until_the_peer_leaves()
    outcome = sent(receiver.url, seconds=0.3)
    assert (outcome.code, outcome.http_status) == ("timeout", None)
    assert 300 <= outcome.duration_ms < 15_000


def test_a_request_ends_when_its_worker_has_to(receiver: Peer) -> None:
    receiver.behaviour = lambda handler: handler.hang_until_the_peer_leaves()
    with pytest.raises(Stopped):
        sent(receiver.url, should_stop=receiver.hanging.is_set)


@contextmanager
def closed_port() -> Iterator[int]:
    """A port on which nobody answers."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_a_port_on_which_nobody_answers_is_unreachable() -> None:
    with closed_port() as port:
        assert sent(f"http://127.0.0.1:{port}").code == "unreachable"


def test_a_server_without_tls_fails_at_it(receiver: Peer) -> None:
    assert sent(receiver.url.replace("http:", "https:")).code == "tls_failed"


def test_nobody_is_called_at_an_address_that_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        outcome = sent(f"http://localhost:{listener.getsockname()[1]}", networks=())
        assert outcome.code == "not_allowed"
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize("secret", ["Bearer sentinel-1234", "päss wörd & more"])
def test_an_answer_that_repeats_a_secret_is_told_without_it(receiver: Peer, secret: str) -> None:
    for form in spellings(secret):
        receiver.behaviour = answering(200, b"You said " + form.encode())
        assert form not in sent(receiver.url, secrets=[secret]).response_body


def test_what_no_database_takes_is_not_kept(receiver: Peer) -> None:
    receiver.behaviour = answering(200, b"a\x00b\xff")
    assert sent(receiver.url).response_body == "a\ufffdb\ufffd"


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120), ("Sat, 31 Jan 2026 09:02:00 GMT", 120), ("Sat, 31 Jan 2026 09:02:00 -0000", None), ("soon", None)],
)
def test_how_long_it_asks_to_be_left_alone_is_read(receiver: Peer, value: str, seconds: int | None) -> None:
    receiver.behaviour = answering(429, b"", Retry_After=value)
    assert sent(receiver.url).retry_after == seconds
