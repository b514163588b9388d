"""The embedded model through our adapter, and through the official SDK as an independent peer."""

import http.client
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import openai
import pytest

from aasim_plugins.engine_local.supervise import Endpoint
from aasim_plugins.engines.chat import EngineError, Message, Parameters, ToolSpec
from aasim_plugins.engines.provider_kit.emulation import action_schema, with_calls, with_tools

SUMMARISE = [
    Message("system", "Summarise in one sentence."),
    Message("user", "The ferry to the island left at nine. It came back empty, because the harbour was frozen."),
]
GREEDY = Parameters(temperature=0, max_output_tokens=24)
PERSON = {
    "type": "object",
    "required": ["name", "age"],
    "additionalProperties": False,
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "minimum": 0, "maximum": 150}},
}


@pytest.fixture
def endpoint(shared_supervisor: Any) -> Endpoint:
    found: Endpoint = shared_supervisor.endpoint(lambda: False)
    return found


@pytest.fixture
def sdk(endpoint: Endpoint) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=endpoint.url, api_key=endpoint.key.reveal(), max_retries=0) as client:
        yield client


@pytest.mark.long
@pytest.mark.parametrize("limit", [8, 200])
def test_the_adapter_and_the_official_sdk_agree(chat: Any, sdk: openai.OpenAI, limit: int) -> None:
    content = f"{SUMMARISE[0].content}\n\n{SUMMARISE[1].content}"
    theirs = sdk.chat.completions.create(
        model="smollm2-135m-instruct", messages=[{"role": "user", "content": content}], temperature=0, max_tokens=limit
    )

    ours = chat.chat(SUMMARISE, parameters=Parameters(temperature=0, max_output_tokens=limit))

    assert theirs.usage is not None
    assert (ours.text, ours.finish, ours.raw_model) == (
        theirs.choices[0].message.content,
        theirs.choices[0].finish_reason,
        theirs.model,
    )
    assert (ours.usage.input_tokens, ours.usage.output_tokens, ours.usage.source) == (
        theirs.usage.prompt_tokens,
        theirs.usage.completion_tokens,
        "reported",
    )
    assert ours.finish == ("length" if limit == 8 else "stop")


@pytest.mark.long
def test_the_same_call_gets_the_same_reply(chat: Any) -> None:
    cold = Parameters(temperature=0, max_output_tokens=16)
    seeded = Parameters(temperature=0.9, seed=7, max_output_tokens=16)

    assert chat.chat(SUMMARISE, parameters=cold).text == chat.chat(SUMMARISE, parameters=cold).text
    assert chat.chat(SUMMARISE, parameters=seeded).text == chat.chat(SUMMARISE, parameters=seeded).text
    other = Parameters(temperature=0.9, seed=8, max_output_tokens=16)
    assert chat.chat(SUMMARISE, parameters=seeded).text != chat.chat(SUMMARISE, parameters=other).text


@pytest.mark.long
def test_pieces_come_one_by_one_and_make_the_text(chat: Any) -> None:
    pieces: list[str] = []

    reply = chat.chat(SUMMARISE, parameters=GREEDY, on_token=pieces.append)

    assert "".join(pieces) == reply.text
    assert len(pieces) > 3


@pytest.mark.long
def test_a_schema_binds_the_text(chat: Any) -> None:
    prompt = [Message("user", "Ada is 36 years old. Give her name and age as JSON.")]

    reply = chat.chat(prompt, schema=PERSON, parameters=Parameters(temperature=0, max_output_tokens=60))

    assert reply.finish == "stop"
    assert jsonschema_rs.is_valid(PERSON, json.loads(reply.text))


@pytest.mark.long
def test_a_schema_that_is_none_is_refused(chat: Any) -> None:
    with pytest.raises(EngineError) as caught:
        chat.chat(SUMMARISE, schema={"type": "objekt"}, parameters=GREEDY)
    assert (caught.value.code, caught.value.retryable) == ("invalid_request", False)


@pytest.mark.long
def test_a_stop_text_ends_the_reply(chat: Any) -> None:
    whole = chat.chat(SUMMARISE, parameters=GREEDY)
    stop = whole.text.split()[3]

    reply = chat.chat(SUMMARISE, parameters=Parameters(temperature=0, max_output_tokens=24, stop=(stop,)))

    assert stop not in reply.text
    assert whole.text.startswith(reply.text)
    assert reply.finish == "stop"


def test_a_prompt_that_is_too_long_says_so(chat: Any) -> None:
    with pytest.raises(EngineError) as caught:
        chat.chat([Message("user", "word " * 3000)], parameters=GREEDY)
    assert (caught.value.code, caught.value.retryable) == ("context_overflow", False)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", "/completion", "/slots", "/props", "/metrics", "/"])
def test_the_host_serves_nobody_without_the_key(endpoint: Endpoint, path: str) -> None:
    address = urlsplit(endpoint.url)
    assert address.hostname == "127.0.0.1"
    for method in ("GET", "POST"):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        connection.request(method, path, body="{}", headers={"Origin": "http://elsewhere.example"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status in (401, 404)
        assert answer.getheader("Access-Control-Allow-Origin") in (None, "")


def test_the_key_is_for_the_owner_alone(endpoint: Endpoint, shared_supervisor: Any) -> None:
    files = list(Path(shared_supervisor._parent).rglob("*"))

    readable = [path.name for path in files if path.is_file() and endpoint.key.reveal() in path.read_text(errors="replace")]

    assert readable == ["endpoint.json"]
    for path in files:
        if path.is_dir() or path.name == "endpoint.json":
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert endpoint.key.reveal() not in Path(f"/proc/{endpoint.pid}/cmdline").read_text()
    assert endpoint.key.reveal() not in Path(f"/proc/{endpoint.pid}/environ").read_text()


@pytest.mark.long
def test_the_model_can_be_bound_to_the_actions_of_emulated_tools(chat: Any) -> None:
    look = ToolSpec("look_up", "Looks a city up.", {"type": "object", "properties": {"city": {"type": "string", "maxLength": 9}}})
    asked = [Message("user", "In which country is Lyon?")]
    schema = action_schema([look], {"type": "string", "maxLength": 9})
    reply = chat.chat(with_tools(asked, [look]), schema=schema, parameters=Parameters(temperature=0, max_output_tokens=80))
    assert json.loads(reply.text)["action"] in ("look_up", "final")
    assert with_calls(reply, asked, [look]) != reply
