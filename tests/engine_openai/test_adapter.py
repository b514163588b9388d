"""What the adapter sends, and what it makes of a good reply."""

from typing import Any

import pytest

from aasim_core.secrets import Secret
from aasim_plugins.engine_openai.service import open_chat
from aasim_plugins.engine_openai.wire import OPENAI_URL, request_for
from aasim_plugins.engines.chat import DEFAULTS, EngineConfig, EngineError, Message, Parameters, ToolCall, ToolSpec, Usage

HELLO = [Message("system", "Be brief."), Message("user", "Hello?")]


def test_a_reply_is_put_together_from_its_pieces(fake: Any, chat: Any) -> None:
    fake.answers("Hel", "lo", "!", usage={"prompt_tokens": 12, "completion_tokens": 3})
    pieces: list[str] = []

    reply = chat.chat(HELLO, on_token=pieces.append)

    assert (reply.text, reply.finish, reply.raw_model, reply.tool_calls) == ("Hello!", "stop", "answering-1", ())
    assert reply.usage == Usage(12, 3, "reported")
    assert pieces == ["Hel", "lo", "!"]


def test_the_request_says_what_the_parameters_say(fake: Any, chat: Any) -> None:
    fake.answers("x")

    parameters = Parameters(temperature=0, max_output_tokens=7, seed=3, stop=("END",), extra={"top_p": 0.5})
    chat.chat(HELLO, parameters=parameters, schema={"type": "object"})

    body = fake.bodies[0]
    assert body["model"] == "asked-1"
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]
    sent = {key: body[key] for key in ("temperature", "max_tokens", "seed", "stop", "top_p", "stream", "stream_options")}
    assert sent == {
        "temperature": 0,
        "max_tokens": 7,
        "seed": 3,
        "stop": ["END"],
        "top_p": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert body["response_format"]["json_schema"] == {"name": "output", "schema": {"type": "object"}}


def test_what_is_left_to_the_provider_is_not_sent(fake: Any, chat: Any) -> None:
    fake.answers("x")

    chat.chat(HELLO)

    assert fake.bodies[0].keys() == {"model", "messages", "stream", "stream_options"}


def test_openai_itself_gets_the_newer_name_of_the_limit() -> None:
    parameters = Parameters(max_output_tokens=7)

    request = request_for("m", OPENAI_URL, HELLO, tools=(), schema=None, parameters=parameters)

    assert request["max_completion_tokens"] == 7
    assert "max_tokens" not in request


def test_a_parameter_cannot_replace_what_is_made_from_the_agent(chat: Any) -> None:
    with pytest.raises(EngineError, match="messages cannot be set") as caught:
        chat.chat(HELLO, parameters=Parameters(extra={"messages": []}))
    assert caught.value.code == "invalid_request"


def test_no_messages_are_refused_before_anything_is_sent(fake: Any, chat: Any) -> None:
    with pytest.raises(EngineError, match="no message"):
        chat.chat([])
    assert fake.bodies == []


def test_tool_calls_are_put_together_from_split_deltas(fake: Any, chat: Any, make_chunk: Any) -> None:
    def part(index: int, **fields: Any) -> Any:
        return make_chunk({"tool_calls": [{"index": index, **fields}]})

    fake.streams(
        [
            part(0, id="call_a", type="function", function={"name": "look", "arguments": ""}),
            part(0, function={"arguments": '{"pla'}),
            part(1, id="call_b", type="function", function={"name": "count", "arguments": "{"}),
            part(0, function={"arguments": 'ce": "sea"}'}),
            part(1, function={"arguments": "}"}),
            make_chunk({}, "tool_calls"),
        ]
    )

    reply = chat.chat(HELLO, tools=[ToolSpec("look", "Looks."), ToolSpec("count", "Counts.", {"type": "object"})])

    assert reply.tool_calls == (ToolCall("call_a", "look", '{"place": "sea"}'), ToolCall("call_b", "count", "{}"))
    assert reply.finish == "tool_calls"
    assert reply.tool_calls[0].parsed() == {"place": "sea"}
    assert [tool["function"]["name"] for tool in fake.bodies[0]["tools"]] == ["look", "count"]


def test_whole_tool_calls_without_index_or_id_are_kept_apart(fake: Any, chat: Any, make_chunk: Any) -> None:
    calls = [{"function": {"name": name, "arguments": "{}"}} for name in ("one", "two")]
    fake.streams([make_chunk({"tool_calls": calls}), make_chunk({}, "stop")])

    reply = chat.chat(HELLO)

    assert [(call.id, call.name) for call in reply.tool_calls] == [("call_0", "one"), ("call_1", "two")]
    assert reply.finish == "tool_calls"


def test_earlier_tool_calls_and_their_results_are_sent_back(fake: Any, chat: Any) -> None:
    fake.answers("done")
    call = ToolCall("call_a", "look", "{}")

    chat.chat([*HELLO, Message("assistant", "", (call,)), Message("tool", "blue", tool_call_id="call_a")])

    assert fake.bodies[0]["messages"][2:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "call_a", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
        },
        {"role": "tool", "content": "blue", "tool_call_id": "call_a"},
    ]


def test_tokens_of_the_servers_cache_are_told(fake: Any, chat: Any) -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 1024}}
    fake.answers("x", usage={"prompt_tokens": 1200, "completion_tokens": 3, **details})

    assert chat.chat(HELLO).usage == Usage(1200, 3, "reported", cache_read_tokens=1024)


def test_usage_is_estimated_and_marked_where_the_server_reports_none(fake: Any, chat: Any) -> None:
    fake.answers("a reply of some length")

    usage = chat.chat(HELLO).usage

    assert usage.source == "estimated"
    assert 0 < usage.output_tokens < usage.input_tokens


def test_a_reply_that_hit_the_limit_says_so(fake: Any, chat: Any) -> None:
    fake.answers('{"cut', finish="length")

    assert chat.chat(HELLO).finish == "length"


def test_one_connection_serves_the_calls_of_a_chat(fake: Any, chat: Any) -> None:
    fake.answers("x")

    for _ in range(3):
        chat.chat(HELLO)

    assert len(fake.bodies) == 3


def test_a_server_without_a_key_gets_no_authorization(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "operators-own-key")
    fake.answers("x")
    chat = open_chat(EngineConfig(model="m", base_url=fake.url))

    chat.chat(HELLO)
    chat.close()

    assert "Authorization" not in fake.headers[0]


def test_nothing_of_the_processs_environment_reaches_a_server(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = "canary-of-the-operator"
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Canary: {canary}\nAuthorization: Bearer {canary}\nUser-Agent: {canary}")
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, canary)
    for name in ("OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    fake.answers("x")
    chat = open_chat(EngineConfig(model="m", base_url=fake.url, api_key=Secret("tenants-key")))

    chat.chat(HELLO, parameters=DEFAULTS)
    chat.close()

    assert canary not in str(fake.headers)
    assert fake.headers[0]["Authorization"] == "Bearer tenants-key"
