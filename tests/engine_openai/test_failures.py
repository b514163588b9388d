"""Every way a server can fail, and the one family of errors that comes of it."""

import time
from typing import Any

import pytest

from aasim_core.secrets import Secret
from aasim_plugins.engine_openai.service import open_chat, provider
from aasim_plugins.engine_openai.settings import OpenAISettings
from aasim_plugins.engines.chat import Cancelled, EngineConfig, EngineError, Message, Parameters, Partial, ToolCall, Usage

HELLO = [Message("user", "Hello?")]


def wrapped(error: Any) -> Any:
    return error if isinstance(error, bytes) else {"error": error}


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, {"message": "bad value"}, ("invalid_request", False)),
        (400, {"message": "too long", "code": "context_length_exceeded"}, ("context_overflow", False)),
        (400, {"message": "too big", "type": "exceed_context_size_error", "code": 400}, ("context_overflow", False)),
        (400, {"message": "no", "code": "content_policy_violation"}, ("refused", False)),
        (401, {"message": "Incorrect API key provided: sk-1"}, ("auth", False)),
        (402, {"message": "pay"}, ("rate_limited", False)),
        (403, {"message": "no"}, ("auth", False)),
        (404, {"message": "no such model"}, ("invalid_request", False)),
        (408, {"message": "slow"}, ("timeout", True)),
        (422, {"message": "odd"}, ("invalid_request", False)),
        (429, {"message": "slow down"}, ("rate_limited", True)),
        (429, {"message": "pay", "code": "insufficient_quota"}, ("rate_limited", False)),
        (500, {"message": "oops"}, ("unavailable", True)),
        (502, b"<html>Bad gateway</html>", ("unavailable", True)),
        (503, {"message": "loading model"}, ("unavailable", True)),
        (504, {"message": "slow"}, ("timeout", True)),
        (307, {"message": "elsewhere"}, ("invalid_request", False)),
    ],
)
def test_a_status_becomes_its_error(fake: Any, chat: Any, status: int, error: Any, expected: Any) -> None:
    fake.behaviour = lambda handler: handler.answer(status, wrapped(error), Location="http://127.0.0.1:9/")

    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO)

    assert (caught.value.code, caught.value.retryable) == expected
    assert "sk-1" not in caught.value.message
    assert len(fake.bodies) == 1, "retries are the caller's decision"


@pytest.mark.long
def test_the_servers_wish_to_wait_is_passed_on(fake: Any, chat: Any) -> None:
    for headers, seconds in (
        ({"Retry_After": "7"}, 7.0),
        ({"retry_after_ms": "250"}, 0.25),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, None),
    ):
        fake.behaviour = lambda handler, headers=headers: handler.answer(429, {"error": {"message": "slow down"}}, **headers)
        with pytest.raises(EngineError) as caught:
            chat.chat(HELLO)
        assert caught.value.retry_after == seconds


def test_a_reset_connection_can_be_retried(fake: Any, chat: Any) -> None:
    fake.behaviour = lambda handler: handler.reset()

    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO)

    assert (caught.value.code, caught.value.retryable) == ("unavailable", True)


def test_a_stream_that_is_reset_can_be_retried(fake: Any, chat: Any, make_chunk: Any) -> None:
    def behave(handler: Any) -> None:
        handler.begin_stream()
        handler.event(make_chunk({"content": "half"}))
        handler.reset()

    fake.behaviour = behave
    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO)
    assert (caught.value.code, caught.value.retryable) == ("unavailable", True)


def test_a_stream_that_ends_early_is_no_reply(fake: Any, chat: Any, make_chunk: Any) -> None:
    def behave(handler: Any) -> None:
        handler.begin_stream()
        handler.event(make_chunk({"content": "half"}))
        handler.chunk(b"")

    fake.behaviour = behave
    with pytest.raises(EngineError, match="in the middle") as caught:
        chat.chat(HELLO)
    assert caught.value.retryable


def test_an_error_inside_a_stream_becomes_its_error(fake: Any, chat: Any, make_chunk: Any) -> None:
    for error, code in (
        ({"code": 400, "message": "the request exceeds the available context size"}, "context_overflow"),
        ({"code": 503, "message": "going down"}, "unavailable"),
        ({"code": "server_error", "message": "oops"}, "unavailable"),
    ):
        fake.streams([make_chunk({"content": "half"}), {"error": error}])
        with pytest.raises(EngineError) as caught:
            chat.chat(HELLO)
        assert caught.value.code == code


@pytest.mark.parametrize(
    "event", [b"not json", b"\xff\xfe", [], 5, {"choices": 5}, {"choices": [{"delta": 5}]}, {"choices": [None]}]
)
def test_what_is_not_the_protocol_is_no_reply(fake: Any, chat: Any, event: Any) -> None:
    fake.streams([event])

    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO)

    assert caught.value.code == "unavailable"


def test_a_page_of_html_is_no_reply(fake: Any, chat: Any) -> None:
    fake.behaviour = lambda handler: handler.answer(200, b"<html>Welcome to the hotel's network</html>")

    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO)

    assert caught.value.code == "unavailable"


def test_a_refusal_is_not_a_reply(fake: Any, chat: Any, make_chunk: Any) -> None:
    fake.streams([make_chunk({"refusal": "I will not."}), make_chunk({}, "stop")])
    with pytest.raises(EngineError, match="I will not") as caught:
        chat.chat(HELLO)
    assert (caught.value.code, caught.value.retryable) == ("refused", False)

    fake.streams([make_chunk({"content": "half"}), make_chunk({}, "content_filter")])
    with pytest.raises(EngineError, match="content filter"):
        chat.chat(HELLO)


def test_a_server_that_is_not_there_can_be_retried() -> None:
    chat = open_chat(EngineConfig(model="m", base_url="http://127.0.0.1:9/v1", api_key=Secret("k")))

    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO)
    chat.close()

    assert (caught.value.code, caught.value.retryable) == ("unavailable", True)


def test_a_server_on_a_private_address_needs_the_operators_word(fake: Any) -> None:
    fake.answers("reached")
    config = EngineConfig(model="m", base_url=fake.url.replace("127.0.0.1", "localhost"))
    closed, opened = provider(OpenAISettings()).open(config), provider(OpenAISettings(("127.0.0.0/8", "::1/128"))).open(config)

    with pytest.raises(EngineError, match="engines may not be at localhost") as caught:
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


@pytest.mark.long
def test_a_dripping_server_meets_the_deadline_too(fake: Any, chat: Any) -> None:
    def behave(handler: Any) -> None:
        handler.begin_stream()
        while not fake.left.wait(0.02):
            handler.chunk(b": still here\n\n")

    fake.behaviour = behave
    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO, parameters=Parameters(timeout_seconds=0.3))
    fake.left.set()
    assert caught.value.code == "timeout"


def test_a_call_is_cancelled_while_the_server_is_silent(fake: Any, chat: Any) -> None:
    fake.behaviour = lambda handler: handler.hang_until_the_peer_leaves()
    start = time.monotonic()

    with pytest.raises(Cancelled):
        chat.chat(HELLO, should_cancel=fake.hanging.is_set)

    assert time.monotonic() - start < 15, "the server waits for twenty seconds"
    assert fake.left.wait(60)
    assert fake.peer_left, "the server must see that nobody waits any more"


def test_a_call_is_cancelled_between_pieces(fake: Any, chat: Any, make_chunk: Any) -> None:
    pieces: list[str] = []

    def behave(handler: Any) -> None:
        handler.begin_stream()
        while not fake.left.wait(0.01):
            handler.event(make_chunk({"content": "more "}))

    fake.behaviour = behave
    with pytest.raises(Cancelled):
        chat.chat(HELLO, on_token=pieces.append, should_cancel=lambda: len(pieces) > 2)
    fake.left.set()
    assert pieces


def test_a_chat_is_usable_after_a_cancelled_call(fake: Any, chat: Any) -> None:
    fake.behaviour = lambda handler: handler.hang_until_the_peer_leaves()
    with pytest.raises(Cancelled):
        chat.chat(HELLO, should_cancel=fake.hanging.is_set)

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


def test_a_flood_is_cut_off(fake: Any, chat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aasim_core.outbound.deadlines._MOST_BYTES", 200_000)
    fake.behaviour = lambda handler: handler.answer(500, {"error": {"message": "x" * 1_000_000}})

    with pytest.raises(EngineError, match="more than a reply may weigh") as caught:
        chat.chat(HELLO)

    assert not caught.value.retryable


def _cancelled(chat: Any, pieces: list[str]) -> Partial:
    """What had come when the call was cancelled after its last piece."""
    with pytest.raises(Cancelled) as caught:
        chat.chat(HELLO, on_token=pieces.append, should_cancel=lambda: "last" in pieces)
    assert caught.value.partial is not None
    return caught.value.partial


def _streams_and_waits(fake: Any, *events: Any) -> None:
    def behave(handler: Any) -> None:
        handler.begin_stream()
        for event in events:
            handler.event(event)
        handler.hang_until_the_peer_leaves()

    fake.behaviour = behave


def test_what_had_come_goes_with_a_cancelled_call(fake: Any, chat: Any, make_chunk: Any) -> None:
    call = {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "look", "arguments": '{"at'}}]}
    _streams_and_waits(
        fake, make_chunk({"reasoning_content": "Hm."}), make_chunk(call), make_chunk({"content": "All "}), make_chunk({"content": "last"})
    )  # fmt: skip

    partial = _cancelled(chat, [])

    assert (partial.text, partial.reasoning, partial.tool_calls) == ("All last", "Hm.", (ToolCall("c1", "look", '{"at'),))
    assert (partial.usage, partial.raw_model, partial.sent) == (None, "answering-1", True)


def test_the_usage_of_a_server_that_reports_it_with_each_chunk_goes_with_a_cancelled_call(
    fake: Any, chat: Any, make_chunk: Any
) -> None:
    counted = {"usage": {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14}}
    _streams_and_waits(fake, make_chunk({"content": "All "}), {**make_chunk({"content": "last"}), **counted})

    assert _cancelled(chat, []).usage == Usage(12, 2)


def test_a_call_that_never_reached_the_server_says_so() -> None:
    chat = open_chat(EngineConfig(model="m", base_url="http://127.0.0.1:1/v1"))
    with pytest.raises(EngineError) as caught:
        chat.chat(HELLO)
    assert caught.value.partial is not None
    assert not caught.value.partial.sent
