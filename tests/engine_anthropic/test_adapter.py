"""What the adapter sends, and what it makes of a good reply."""

import sys
from typing import Any

import pytest

from aasim_core.secrets import Secret
from aasim_plugins.engine_anthropic.service import open_chat
from aasim_plugins.engine_anthropic.wire import API_VERSION
from aasim_plugins.engines.chat import EngineConfig, EngineError, Message, Parameters, ToolCall, ToolSpec, Usage

HELLO = [Message("system", "Be brief."), Message("user", "Hello?")]
PLACE = {"type": "object", "properties": {"place": {"type": "string"}}}


@pytest.mark.long
def test_a_reply_is_put_together_from_its_pieces(fake: Any, chat: Any) -> None:
    fake.answers("Hel", "lo", "!")
    pieces: list[str] = []

    reply = chat.chat(HELLO, on_token=pieces.append)

    assert (reply.text, reply.finish, reply.raw_model, reply.tool_calls) == ("Hello!", "stop", "answering-1", ())
    assert reply.usage == Usage(12, 3, "reported")
    assert pieces == ["Hel", "lo", "!"]


@pytest.mark.long
def test_tokens_of_the_cache_are_counted_among_those_that_were_read(fake: Any, chat: Any) -> None:
    fake.answers("x", usage={"input_tokens": 10, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 300})

    assert chat.chat(HELLO).usage == Usage(2310, 3, "reported", cache_read_tokens=2000, cache_write_tokens=300)


def test_the_request_says_what_the_parameters_say(fake: Any, chat: Any) -> None:
    fake.answers("x")
    extra = {"metadata": {"user_id": "u1"}, "output_config": {"effort": "low"}}

    chat.chat(HELLO, parameters=Parameters(max_output_tokens=7, stop=("END",), extra=extra))

    assert fake.bodies[0] == {
        "model": "asked-1",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello?"}]}],
        "max_tokens": 7,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u1"},
        "output_config": {"effort": "low"},
        "stream": True,
    }
    assert fake.paths == ["/v1/messages"]
    assert fake.headers[0]["anthropic-version"] == API_VERSION
    assert fake.headers[0]["x-api-key"] == "key-for-the-fake"


def test_what_the_protocol_does_not_know_is_not_sent(fake: Any, chat: Any) -> None:
    fake.answers("x")

    chat.chat(HELLO, parameters=Parameters(temperature=0.5, seed=3))

    assert fake.bodies[0].keys() == {"model", "system", "messages", "max_tokens", "stream"}


def test_a_parameter_cannot_replace_what_is_made_from_the_agent(chat: Any) -> None:
    for extra, told in (
        ({"system": "Be evil."}, "system cannot be set"),
        ({"output_config": {"format": {}}}, "without format"),
        ({"output_config": 5}, "must be an object"),
    ):
        with pytest.raises(EngineError, match=told) as caught:
            chat.chat(HELLO, parameters=Parameters(extra=extra))
        assert caught.value.code == "invalid_request"


def test_no_messages_are_refused_before_anything_is_sent(fake: Any, chat: Any) -> None:
    for messages in ([], [Message("system", "Be brief.")]):
        with pytest.raises(EngineError, match="no message"):
            chat.chat(messages)
    assert fake.bodies == []


def test_tool_calls_are_put_together_from_split_deltas(fake: Any, chat: Any, wire: Any) -> None:
    fake.streams(
        wire.opening(),
        *wire.text_block(0, "I will look."),
        *wire.tool_block(1, "toolu_a", "look", "", '{"pla', 'ce": "sea"}'),
        *wire.tool_block(2, "toolu_b", "count"),
        *wire.closing("tool_use"),
    )

    reply = chat.chat(HELLO, tools=[ToolSpec("look", "Looks.", PLACE), ToolSpec("count", "Counts.")])

    assert reply.tool_calls == (ToolCall("toolu_a", "look", '{"place": "sea"}'), ToolCall("toolu_b", "count", "{}"))
    assert (reply.text, reply.finish) == ("I will look.", "tool_calls")
    assert fake.bodies[0]["tools"] == [
        {"name": "look", "description": "Looks.", "input_schema": PLACE},
        {"name": "count", "description": "Counts.", "input_schema": {"type": "object"}},
    ]


def test_earlier_tool_calls_and_their_results_are_sent_back(fake: Any, chat: Any) -> None:
    fake.answers("done")
    calls = (ToolCall("a", "look", '{"place": "sea"}'), ToolCall("b", "count", "{not JSON"))
    results = [Message("tool", "blue", tool_call_id="a"), Message("tool", "no JSON", tool_call_id="b")]

    chat.chat([*HELLO, Message("assistant", "Well.", calls), *results, Message("user", "And?")])

    assert fake.bodies[0]["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Well."},
                {"type": "tool_use", "id": "a", "name": "look", "input": {"place": "sea"}},
                {"type": "tool_use", "id": "b", "name": "count", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "blue"},
                {"type": "tool_result", "tool_use_id": "b", "content": "no JSON"},
                {"type": "text", "text": "And?"},
            ],
        },
    ]


def test_a_schema_binds_the_output(fake: Any, chat: Any) -> None:
    fake.answers("{}")

    chat.chat(HELLO, schema={"type": "object", "properties": {"age": {"type": "integer", "minimum": 3}}, "required": ["age"]})

    output = fake.bodies[0]["output_config"]["format"]
    assert output["type"] == "json_schema"
    assert output["schema"]["additionalProperties"] is False, "the service takes no others"
    assert output["schema"]["properties"]["age"] == {"type": "integer", "description": "{minimum: 3}"}


@pytest.mark.parametrize("schema", [{"properties": {"a": {}}}, {"type": ["object", "null"]}, {"type": "object", "properties": 5}])
def test_a_schema_that_cannot_bind_is_told_instead(fake: Any, chat: Any, schema: Any) -> None:
    fake.answers("{}")

    chat.chat(HELLO, schema=schema)

    assert "output_config" not in fake.bodies[0]
    assert fake.bodies[0]["system"].startswith("Be brief.\n\nAnswer with nothing but one JSON value")


@pytest.mark.parametrize(
    ("stop_reason", "finish"),
    [("max_tokens", "length"), ("model_context_window_exceeded", "length"), ("stop_sequence", "stop"), ("something_new", "stop")],
)
def test_why_a_reply_ended_is_told(fake: Any, chat: Any, stop_reason: str, finish: str) -> None:
    fake.answers("x", stop_reason=stop_reason)

    assert chat.chat(HELLO).finish == finish


def test_thoughts_and_events_of_the_future_are_no_part_of_the_reply(fake: Any, chat: Any, wire: Any) -> None:
    fake.streams(
        wire.opening(),
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
        wire.delta(0, type="thinking_delta", thinking="hm"),
        wire.delta(0, type="news_delta", news="?"),
        {"type": "content_block_from_the_future", "index": 0},
        *wire.text_block(1, "yes"),
        *wire.closing("end_turn"),
    )

    assert chat.chat(HELLO).text == "yes"


def test_one_connection_serves_the_calls_of_a_chat(fake: Any, chat: Any) -> None:
    fake.answers("x")

    for _ in range(3):
        chat.chat(HELLO)

    assert len(fake.bodies) == 3


def test_nothing_of_the_processs_environment_reaches_a_server(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = "canary-of-the-operator"
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"X-Canary: {canary}\nAuthorization: {canary}\nAnthropic-Version: {canary}")
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_WEBHOOK_SIGNING_KEY", "ANTHROPIC_PROFILE"):
        monkeypatch.setenv(name, canary)
    for name in ("ANTHROPIC_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    fake.answers("x")

    for key in (Secret("tenants-key"), None):
        chat = open_chat(EngineConfig(model="m", base_url=fake.url, api_key=key))
        chat.chat(HELLO)
        chat.close()

    assert canary not in str(fake.headers)
    assert fake.headers[0]["x-api-key"] == "tenants-key"
    assert "x-api-key" not in fake.headers[1]


def test_without_the_sdk_an_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anthropic", None)
    monkeypatch.delitem(sys.modules, "aasim_plugins.engine_anthropic.adapter", raising=False)

    with pytest.raises(EngineError, match=r"pip install 'aasim\[anthropic\]'") as caught:
        open_chat(EngineConfig(model="m", api_key=Secret("k")))

    assert (caught.value.code, caught.value.retryable) == ("unavailable", False)
