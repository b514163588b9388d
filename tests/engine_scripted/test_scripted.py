"""The scripted engine: replies, faults and delays as an agent's parameters say."""

import time
from threading import Event
from typing import Any

import pytest

from aasim_plugins.engine_scripted.service import PROVIDER
from aasim_plugins.engines.chat import (
    ERROR_CODES,
    Cancelled,
    EngineConfig,
    EngineError,
    Message,
    Parameters,
    Reply,
    ToolCall,
    Usage,
)

HELLO = Message("user", "Hello?")


def play(*messages: Message, attempt: int = 1, timeout_seconds: float = 5, should_cancel: Any = None, **script: Any) -> Reply:
    chat = PROVIDER.open(EngineConfig(model="script"))
    parameters = Parameters(extra=script, attempt=attempt, timeout_seconds=timeout_seconds)
    return chat.chat(messages or (HELLO,), parameters=parameters, should_cancel=should_cancel or (lambda: False))


def test_the_reply_is_chosen_by_the_number_of_assistant_turns() -> None:
    replies = ["first", "second"]

    assert play(HELLO, replies=replies).text == "first"
    assert play(HELLO, replies=replies).text == "first", "a call that was lost in a crash is answered the same way"
    assert play(HELLO, Message("assistant", "first"), Message("user", "And?"), replies=replies).text == "second"


def test_a_script_that_is_over_says_so() -> None:
    with pytest.raises(EngineError, match="it has 1 replies, and this is turn 2") as caught:
        play(HELLO, Message("assistant", "first"), replies=["first"])
    assert caught.value.code == "invalid_request"


def test_without_replies_the_last_message_is_echoed() -> None:
    assert play(Message("system", "Be brief."), HELLO).text == "Hello?"
    assert play(HELLO, echo=True, replies=["unused"]).text == "Hello?"


def test_a_reply_that_is_an_object_is_answered_as_json() -> None:
    assert play(replies=[{"text": {"city": "Łódź"}}]).text == '{"city": "Łódź"}'


def test_tool_calls_have_stable_ids() -> None:
    replies = [{"tool_calls": [{"name": "look", "arguments": {"place": "sea"}}, {"name": "wait", "id": "mine"}]}]

    reply = play(replies=replies)

    assert reply.tool_calls == (ToolCall("call_0_0", "look", '{"place": "sea"}'), ToolCall("mine", "wait", "{}"))
    assert reply.finish == "tool_calls"


def test_the_pieces_that_are_streamed_make_the_text() -> None:
    pieces: list[str] = []
    chat = PROVIDER.open(EngineConfig(model="script"))

    reply = chat.chat([HELLO], parameters=Parameters(extra={"replies": [" a reply\n of words "]}), on_token=pieces.append)

    assert "".join(pieces) == reply.text == " a reply\n of words "
    assert len(pieces) > 2


def test_usage_is_an_estimate_and_always_the_same() -> None:
    assert play(replies=["12345678"]).usage == play(replies=["12345678"]).usage == Usage(6, 2, "estimated")


@pytest.mark.parametrize("code", ERROR_CODES)
def test_each_error_can_be_played(code: str) -> None:
    for script in ({"fault": code}, {"replies": [{"fault": code, "retry_after": 3}]}):
        with pytest.raises(EngineError) as caught:
            play(**script)
        assert caught.value.code == code


def test_a_fault_can_end_with_an_attempt() -> None:
    script: Any = {"replies": [{"text": "at last", "fault": "unavailable", "until_attempt": 3}]}

    for attempt in (1, 2):
        with pytest.raises(EngineError):
            play(attempt=attempt, **script)

    assert play(attempt=3, **script).text == "at last"


def test_garbage_is_not_json_and_a_cut_reply_is_half_of_it() -> None:
    assert play(replies=[{"fault": "garbage"}]).text.startswith("{")
    cut = play(replies=[{"text": "12345678", "fault": "cut"}])
    assert (cut.text, cut.finish) == ("1234", "length")


@pytest.mark.long
def test_a_delay_is_waited_for() -> None:
    start = time.monotonic()

    assert play(replies=[{"text": "late", "delay_seconds": 0.2}]).text == "late"

    assert time.monotonic() - start >= 0.2


def test_a_hanging_engine_can_be_cancelled() -> None:
    asked = Event()

    def second_time() -> bool:
        was_asked = asked.is_set()
        asked.set()
        return was_asked

    with pytest.raises(Cancelled):
        play(fault="hang", should_cancel=second_time)


@pytest.mark.long
def test_a_hanging_engine_meets_the_deadline() -> None:
    with pytest.raises(EngineError) as caught:
        play(fault="hang", timeout_seconds=0.15)
    assert caught.value.code == "timeout"


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ({"replies": "text"}, "replies must be a list"),
        ({"replies": [5]}, r"replies\[0\] must be a text, or an object"),
        ({"replies": [{"txt": ""}]}, r"replies\[0\] has no 'txt'"),
        ({"replies": ["x"], "fault": "explode"}, "there is no fault 'explode'"),
        ({"delay_seconds": "long"}, "delay_seconds must be a number from 0 to 3600"),
        ({"delay_seconds": 10**9}, "delay_seconds must be a number from 0 to 3600"),
        ({"fault": "auth", "until_attempt": "2"}, "until_attempt must be a whole number"),
        ({"replies": [{"tool_calls": [{}]}]}, "must be a list of objects with a name"),
        ({"replies": [{"fault": "auth", "retry_after": "1"}]}, "retry_after must be a number"),
    ],
)
def test_a_script_with_a_mistake_says_what_to_write(script: Any, sentence: str) -> None:
    with pytest.raises(EngineError, match=sentence) as caught:
        play(**script)
    assert caught.value.code == "invalid_request"
