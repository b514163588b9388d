"""Every way a server can fail, and the one family of errors that comes of it."""

import time
from typing import Any

import pytest

from aasim_core.secrets import Secret
from aasim_plugins.engine_anthropic.service import open_chat, provider
from aasim_plugins.engine_anthropic.settings import AnthropicSettings
from aasim_plugins.engines.chat import Cancelled, EngineConfig, EngineError, Message, Parameters, Usage

HELLO = [Message("user", "Hello?")]


def wrapped(error: Any) -> Any:
    return error if isinstance(error, bytes) else {"type": "error", "error": error}


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, {"type": "invalid_request_error", "message": "bad value"}, ("invalid_request", False)),
        (400, {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}, ("context_overflow", False)),
        (400, {"type": "invalid_request_error", "message": "Your credit balance is too low"}, ("rate_limited", False)),
        (401, {"type": "authentication_error", "message": "invalid key sk-1"}, ("auth", False)),
        (402, {"type": "billing_error", "message": "pay"}, ("rate_limited", False)),
        (403, {"type": "permission_error", "message": "no"}, ("auth", False)),
        (404, {"type": "not_found_error", "message": "model: asked-1"}, ("invalid_request", False)),
        (413, {"type": "request_too_large", "message": "too large"}, ("context_overflow", False)),
        (429, {"type": "rate_limit_error", "message": "slow down"}, ("rate_limited", True)),
        (500, {"type": "api_error", "message": "oops"}, ("unavailable", True)),
        (502, b"<html>Bad gateway</html>", ("unavailable", True)),
        (504, {"type": "timeout_error", "message": "slow"}, ("timeout", True)),
        (529, {"type": "overloaded_error", "message": "Overloaded"}, ("unavailable", True)),
        (307, {"type": "redirect", "message": "elsewhere"}, ("invalid_request", False)),
    ],
)
def test_a_status_becomes_its_error(fake: Any, chat: Any, status: int, error: Any, expected: Any) -> None:
    fake.behaviour = lambda handler: handler.answer(status, wrapped(error), Location="http://127.0.0.1:9/")

    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO)

    assert (caught.value.code, caught.value.retryable) == expected
    assert "sk-1" not in caught.value.message
    assert len(fake.bodies) == 1, "retries are the caller's decision"


def test_the_servers_wish_to_wait_is_passed_on(fake: Any, chat: Any) -> None:
    fake.behaviour = lambda handler: handler.answer(
        429, wrapped({"type": "rate_limit_error", "message": "wait"}), Retry_After="7"
    )

    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO)

    assert caught.value.retry_after == 7


def test_a_reset_connection_can_be_retried(fake: Any, chat: Any) -> None:
    fake.behaviour = lambda handler: handler.reset()

    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO)

    assert (caught.value.code, caught.value.retryable) == ("unavailable", True)


def test_a_stream_that_breaks_or_ends_early_is_no_reply(fake: Any, chat: Any, wire: Any) -> None:
    for end in (lambda handler: handler.reset(), lambda handler: handler.chunk(b"")):

        def behave(handler: Any, end: Any = end) -> None:
            handler.begin_stream()
            wire.send(handler, [wire.opening(), *wire.text_block(0, "half")])
            end(handler)

        fake.behaviour = behave
        with pytest.raises(EngineError) as caught:
            chat.chat(HELLO)
        assert (caught.value.code, caught.value.retryable) == ("unavailable", True)


def test_an_error_inside_a_stream_becomes_its_error(fake: Any, chat: Any, wire: Any) -> None:
    for kind, code in (
        ("overloaded_error", "unavailable"),
        ("rate_limit_error", "rate_limited"),
        ("invalid_request_error", "invalid_request"),
        ("authentication_error", "auth"),
        ("timeout_error", "timeout"),
        ("an_error_of_the_future", "unavailable"),
    ):
        fake.streams(wire.opening(), {"type": "error", "error": {"type": kind, "message": "going down"}})
        with pytest.raises(EngineError) as caught:
            chat.chat(HELLO)
        assert caught.value.code == code


@pytest.mark.parametrize("data", [b"not json", b"\xff\xfe", b"[]", b"5", b'{"type": "message_start", "message": 5}'])
def test_what_is_not_the_protocol_is_no_reply(fake: Any, chat: Any, data: bytes) -> None:
    def behave(handler: Any) -> None:
        handler.begin_stream()
        handler.event(data, name="message_start")
        handler.chunk(b"")

    fake.behaviour = behave
    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO)

    assert caught.value.code == "unavailable"


def test_a_page_of_html_is_no_reply(fake: Any, chat: Any) -> None:
    fake.behaviour = lambda handler: handler.answer(200, b"<html>Welcome to the hotel's network</html>")

    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO)

    assert caught.value.code == "unavailable"


def test_a_refusal_is_not_a_reply(fake: Any, chat: Any, wire: Any) -> None:
    for details, told in (({"type": "refusal", "explanation": "I will not."}, "I will not"), (None, "refused to answer")):
        fake.streams(wire.opening(), *wire.text_block(0, "half"), *wire.closing("refusal", details=details))
        with pytest.raises(EngineError, match=told) as caught:
            chat.chat(HELLO)
        assert (caught.value.code, caught.value.retryable) == ("refused", False)


def test_a_server_that_is_not_there_can_be_retried() -> None:
    chat = open_chat(EngineConfig(model="m", base_url="http://127.0.0.1:9", api_key=Secret("k")))

    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO)
    chat.close()

    assert (caught.value.code, caught.value.retryable) == ("unavailable", True)


def test_a_server_on_a_private_address_needs_the_operators_word(fake: Any) -> None:
    fake.answers("reached")
    config = EngineConfig(model="m", base_url=fake.url.replace("127.0.0.1", "localhost"))
    allowed = AnthropicSettings(("127.0.0.0/8", "::1/128"))
    closed, opened = provider(AnthropicSettings()).open(config), provider(allowed).open(config)

    with pytest.raises(EngineError, match=r"engines may not be at localhost; .* engine_anthropic\.allowed_networks") as caught:
        closed.chat(HELLO)

    assert (caught.value.code, caught.value.retryable) == ("invalid_request", False)
    assert fake.bodies == []
    assert opened.chat(HELLO).text == "reached"
    closed.close()
    opened.close()


@pytest.mark.long
def test_a_silent_server_meets_the_deadline(fake: Any, chat: Any) -> None:
    fake.behaviour = lambda handler: handler.hang_until_the_peer_leaves()
    start = time.monotonic()

    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO, parameters=Parameters(timeout_seconds=0.3))

    assert caught.value.code == "timeout"
    assert 0.25 < time.monotonic() - start < 15, "the server waits for twenty seconds"
    assert fake.left.wait(60)


def test_a_call_is_cancelled_while_the_server_is_silent(fake: Any, chat: Any) -> None:
    fake.behaviour = lambda handler: handler.hang_until_the_peer_leaves()

    with pytest.raises(Cancelled):
        chat.chat(HELLO, should_cancel=fake.hanging.is_set)

    assert fake.left.wait(60)
    assert fake.peer_left, "the server must see that nobody waits any more"


@pytest.mark.long
def test_a_call_is_cancelled_between_pieces(fake: Any, chat: Any, wire: Any) -> None:
    pieces: list[str] = []

    def behave(handler: Any) -> None:
        handler.begin_stream()
        wire.send(handler, [wire.opening(), *wire.text_block(0)[:1]])
        while not fake.left.wait(0.01):
            wire.send(handler, [wire.delta(0, type="text_delta", text="more ")])

    fake.behaviour = behave
    with pytest.raises(Cancelled):
        chat.chat(HELLO, on_token=pieces.append, should_cancel=lambda: len(pieces) > 2)
    fake.left.set()

    fake.answers("well again")
    assert chat.chat(HELLO).text == "well again"


def test_errors_of_the_caller_pass_unchanged(fake: Any, chat: Any) -> None:
    fake.answers("x")

    def fail(*_: str) -> bool:
        raise LookupError("the caller's own")

    with pytest.raises(LookupError):
        chat.chat(HELLO, on_token=fail)
    with pytest.raises(LookupError):
        chat.chat(HELLO, should_cancel=fail)


@pytest.mark.long
def test_what_had_come_goes_with_a_cancelled_call(fake: Any, chat: Any, wire: Any) -> None:
    pieces: list[str] = []

    def behave(handler: Any) -> None:
        handler.begin_stream()
        wire.send(handler, [wire.opening({"input_tokens": 12, "output_tokens": 1}), *wire.text_block(0)[:1]])
        wire.send(handler, [wire.delta(0, type="text_delta", text="eight by")])
        handler.hang_until_the_peer_leaves()

    fake.behaviour = behave
    with pytest.raises(Cancelled) as caught:
        chat.chat(HELLO, on_token=pieces.append, should_cancel=lambda: bool(pieces))

    assert caught.value.partial is not None
    assert (caught.value.partial.text, caught.value.partial.usage) == ("eight by", Usage(12, 2, "estimated"))
