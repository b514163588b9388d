"""What the models of llm are asked, and what becomes of what they say."""

import sys
from collections.abc import Iterator
from typing import Any

import llm
import pytest
from llm.parts import TextPart, ToolCallPart, ToolResultPart

from aasim_plugins.engine_llm.service import open_chat, provider
from aasim_plugins.engine_llm.settings import LlmSettings
from aasim_plugins.engines.chat import EngineConfig, EngineError, Message, Parameters, ToolCall, ToolSpec, Usage

HELLO = [Message("system", "Be brief."), Message("user", "Hello?")]
LOOK = ToolSpec("look", "Looks.", {"type": "object", "properties": {"place": {"type": "string"}}})


def test_a_reply_is_put_together_from_its_pieces(asked: Any, open_model: Any) -> None:
    def behave(prompt: llm.Prompt, response: llm.Response) -> Iterator[str]:
        yield from ("Hel", "lo", "!")
        response.set_usage(input=12, output=3)
        response.set_resolved_model("able-2")

    asked.behaviour = behave
    pieces: list[str] = []

    reply = open_model("a").chat(HELLO, on_token=pieces.append)

    assert (reply.text, reply.finish, reply.raw_model, reply.tool_calls) == ("Hello!", "stop", "able-2", ())
    assert reply.usage == Usage(12, 3, "reported")
    assert pieces == ["Hel", "lo", "!"]


def test_usage_is_estimated_and_marked_where_the_model_counts_none(open_model: Any) -> None:
    reply = open_model("able").chat(HELLO)

    assert reply.raw_model == "able"
    assert reply.usage.source == "estimated"


def test_the_prompt_says_what_the_conversation_and_the_parameters_say(asked: Any, open_model: Any) -> None:
    parameters = Parameters(temperature=0.5, max_output_tokens=7, seed=3, stop=("END",), extra={"top_k": 4})

    open_model("able").chat(HELLO, parameters=parameters)

    prompt = asked.prompts[0]
    assert (prompt.system, prompt.prompt) == ("Be brief.", "Hello?")
    assert [(turn.role, turn.parts) for turn in prompt.messages] == [
        ("system", [TextPart("Be brief.")]),
        ("user", [TextPart("Hello?")]),
    ]
    options = prompt.options
    assert (options.temperature, options.max_tokens, options.seed, options.stop, options.top_k) == (0.5, 7, 3, "END", 4)
    assert asked.streams == [True]


def test_a_model_is_not_given_the_common_parameters_that_it_lacks(asked: Any, open_model: Any) -> None:
    open_model("plain").chat([Message("user", "Hello?")], parameters=Parameters(temperature=0.5, seed=3))

    assert asked.prompts[0].options.model_dump() == {}
    assert asked.streams == [False]


def test_a_parameter_that_the_model_does_not_take_is_named(open_model: Any) -> None:
    for extra, told in (({"no_such": 1}, "the parameter no_such"), ({"top_k": 0}, "the parameter top_k")):
        with pytest.raises(EngineError, match=told) as caught:
            open_model("able").chat(HELLO, parameters=Parameters(extra=extra))
        assert caught.value.code == "invalid_request"


def test_a_schema_binds_models_that_can_be_bound_and_is_told_to_the_others(asked: Any, open_model: Any) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}}

    open_model("able").chat(HELLO, schema=schema)
    open_model("plain").chat(HELLO, schema=schema)

    bound, told = asked.prompts
    assert (bound.schema, bound.system) == (schema, "Be brief.")
    assert told.schema is None
    assert told.system.startswith("Be brief.\n\nAnswer with nothing but one JSON value")


def test_tool_calls_are_taken_from_the_response(asked: Any, open_model: Any) -> None:
    def behave(prompt: llm.Prompt, response: llm.Response) -> Iterator[str]:
        yield "Well."
        response.add_tool_call(llm.ToolCall("look", {"place": "sea"}, "call_a"))

    asked.behaviour = behave

    reply = open_model("able").chat(HELLO, tools=[LOOK])

    assert reply.tool_calls == (ToolCall("call_a", "look", '{"place": "sea"}'),)
    assert (reply.text, reply.finish) == ("Well.", "tool_calls")
    (tool,) = asked.prompts[0].tools
    assert (tool.name, tool.description, tool.input_schema) == ("look", "Looks.", dict(LOOK.parameters))


def test_a_model_without_tools_says_how_to_use_it(open_model: Any) -> None:
    with pytest.raises(EngineError, match=r"capabilities\.tools to emulated") as caught:
        open_model("plain").chat([Message("user", "Hello?")], tools=[LOOK])

    assert caught.value.code == "invalid_request"


def test_earlier_tool_calls_and_their_results_are_told(asked: Any, open_model: Any) -> None:
    calls = (ToolCall("a", "look", '{"place": "sea"}'), ToolCall("b", "count", "{not JSON"))
    results = [Message("tool", "blue", tool_call_id="a"), Message("tool", "no JSON", tool_call_id="b")]

    open_model("able").chat([*HELLO, Message("assistant", "", calls), *results])

    assert [(turn.role, turn.parts) for turn in asked.prompts[0].messages[2:]] == [
        ("assistant", [ToolCallPart("look", {"place": "sea"}, "a"), ToolCallPart("count", {}, "b")]),
        ("tool", [ToolResultPart("look", "blue", "a")]),
        ("tool", [ToolResultPart("count", "no JSON", "b")]),
    ]


@pytest.mark.parametrize("told", [{"finish_reason": "length"}, {"stop_reason": "max_tokens"}])
def test_a_reply_that_hit_the_limit_says_so(asked: Any, open_model: Any, told: Any) -> None:
    def behave(prompt: llm.Prompt, response: llm.Response) -> Iterator[str]:
        yield "cut"
        response.response_json = told

    asked.behaviour = behave

    assert open_model("able").chat(HELLO).finish == "length"


def test_the_key_of_the_engine_goes_before_what_the_operator_has_stored(
    asked: Any, open_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYED_API_KEY", "operators-own")

    open_model("keyed", "tenants-own").chat(HELLO)
    open_model("keyed").chat(HELLO)

    assert asked.keys == ["tenants-own", "operators-own"]


def test_the_name_of_a_stored_key_is_no_key(asked: Any, open_model: Any, tmp_path: Any) -> None:
    (tmp_path / "keys.json").write_text('{"another-service": "operators-own"}')

    with pytest.raises(EngineError, match="the name of one") as caught:
        open_model("keyed", "another-service").chat(HELLO)

    assert caught.value.code == "auth"
    assert asked.keys == []


def test_only_models_that_the_operator_has_chosen_are_opened(asked: Any) -> None:
    config = EngineConfig(model="able")

    with pytest.raises(EngineError, match=r"has not chosen able in engine_llm\.models") as caught:
        provider(LlmSettings(("plain",))).open(config)

    assert caught.value.code == "invalid_request"
    for models in (("able",), ("*",)):
        assert provider(LlmSettings(models)).open(config).chat(HELLO).text == "Hello!"


def test_without_the_package_an_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llm", None)
    monkeypatch.delitem(sys.modules, "aasim_plugins.engine_llm.adapter", raising=False)

    with pytest.raises(EngineError, match=r"pip install 'aasim\[llm\]'") as caught:
        open_chat(EngineConfig(model="able"))

    assert (caught.value.code, caught.value.retryable) == ("unavailable", False)
