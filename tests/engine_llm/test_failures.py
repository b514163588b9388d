"""Every way a model of llm can fail, and the one family of errors that comes of it."""

import threading
import time
from typing import Any

import httpx2
import llm
import pytest

from aasim_plugins.engines.chat import Cancelled, EngineError, Message, Parameters, ToolCall

HELLO = [Message("user", "Hello?")]


def answered(status: int, text: str = "", **headers: str) -> httpx2.HTTPStatusError:
    request = httpx2.Request("POST", "http://service.example.com")
    return httpx2.HTTPStatusError(text, request=request, response=httpx2.Response(status, headers=headers, request=request))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (llm.ModelError("out of order"), ("unavailable", True)),
        (llm.ModelError("the prompt is too long"), ("context_overflow", False)),
        (answered(400, "bad value"), ("invalid_request", False)),
        (answered(400, "maximum context is 8"), ("context_overflow", False)),
        (answered(401, "the key operators-own is wrong"), ("auth", False)),
        (answered(402), ("rate_limited", False)),
        (answered(429), ("rate_limited", True)),
        (answered(503), ("unavailable", True)),
        (httpx2.ConnectError("no route"), ("unavailable", True)),
        (ConnectionResetError(), ("unavailable", True)),
        (KeyError("operators-own"), ("unavailable", True)),
        (SystemExit("operators-own"), ("unavailable", True)),
    ],
)
def test_what_a_model_raises_becomes_its_error(asked: Any, open_model: Any, error: BaseException, expected: Any) -> None:
    asked.raises(error)

    with pytest.raises(EngineError) as caught:
        open_model("able").chat(HELLO)

    assert (caught.value.code, caught.value.retryable) == expected
    assert "operators-own" not in caught.value.message


def test_the_services_wish_to_wait_is_passed_on(asked: Any, open_model: Any) -> None:
    asked.raises(answered(429, **{"Retry-After": "7"}))

    with pytest.raises(EngineError) as caught:
        open_model("able").chat(HELLO)

    assert caught.value.retry_after == 7


def test_a_model_that_is_not_there_is_named(open_model: Any) -> None:
    with pytest.raises(EngineError, match="llm does not know the model nobody") as caught:
        open_model("nobody").chat(HELLO)
    assert caught.value.code == "invalid_request"


def test_a_model_without_its_key_says_so(open_model: Any) -> None:
    with pytest.raises(EngineError, match="needs an API key") as caught:
        open_model("keyed").chat(HELLO)
    assert caught.value.code == "auth"


def test_a_model_of_single_questions_takes_no_conversation(open_model: Any) -> None:
    turns = [*HELLO, Message("assistant", "", (ToolCall("a", "look", "{}"),)), Message("user", "And?")]

    with pytest.raises(EngineError, match="single questions only") as caught:
        open_model("plain").chat(turns)

    assert caught.value.code == "invalid_request"


def test_no_messages_are_refused_before_anything_is_asked(asked: Any, open_model: Any) -> None:
    for messages in ([], [Message("system", "Be brief.")]):
        with pytest.raises(EngineError, match="no message"):
            open_model("able").chat(messages)
    assert asked.prompts == []


@pytest.mark.long
def test_a_call_is_cancelled_between_pieces_and_the_model_ends(asked: Any, open_model: Any) -> None:
    asked.drips()
    pieces: list[str] = []

    with pytest.raises(Cancelled):
        open_model("able").chat(HELLO, on_token=pieces.append, should_cancel=lambda: len(pieces) > 2)

    assert asked.ended.wait(60)


@pytest.mark.long
def test_a_silent_model_meets_the_deadline_and_can_be_cancelled(asked: Any, open_model: Any) -> None:
    goes_on = threading.Event()

    def behave(prompt: llm.Prompt, response: llm.Response) -> Any:
        goes_on.wait(120)
        yield "late"

    asked.behaviour = behave
    start = time.monotonic()

    with pytest.raises(EngineError) as caught:
        open_model("able").chat(HELLO, parameters=Parameters(timeout_seconds=0.2))
    with pytest.raises(Cancelled):
        open_model("able").chat(HELLO, should_cancel=lambda: len(asked.prompts) > 1)

    assert caught.value.code == "timeout"
    assert time.monotonic() - start < 60
    goes_on.set()
    assert asked.ended.wait(60)


def test_errors_of_the_caller_pass_unchanged(open_model: Any) -> None:
    def fail(*_: str) -> bool:
        raise LookupError("the caller's own")

    with pytest.raises(LookupError):
        open_model("able").chat(HELLO, on_token=fail)
    with pytest.raises(LookupError):
        open_model("able").chat(HELLO, should_cancel=fail)
