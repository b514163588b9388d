"""Tools for models that cannot call any."""

import json
from typing import Any

import pytest

from aasim_core.user_code import json_schema
from aasim_plugins.engines.chat import Message, Reply, ToolCall, ToolSpec, Usage
from aasim_plugins.engines.provider_kit.emulation import action_schema, with_calls, with_tools

SCHEMA = {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]}
HAMMER, FINAL = ToolSpec("hammer", "Drives nails.", SCHEMA), ToolSpec("final", "Ends things.", SCHEMA)
ASKED = [Message("system", "Be brief."), Message("user", "Hang the picture.")]
CALLED = Message("assistant", "", (ToolCall("c1", "hammer", '{"what": "nail"}'),))


def said(text: Any) -> Reply:
    return Reply(text if isinstance(text, str) else json.dumps(text), (), Usage(1, 1), "stop", "m")


def test_the_model_reads_of_the_tools_and_of_what_they_answered() -> None:
    told = with_tools([*ASKED, CALLED, Message("tool", '{"result": 1}', tool_call_id="c1")], [HAMMER])
    assert [message.role for message in told] == ["system", "user", "assistant", "user"]
    assert told[0].content.startswith("Be brief.\n\nAnswer with one JSON object")
    assert "- hammer: Drives nails." in told[0].content
    assert json.loads(told[2].content) == {"action": "hammer", "input": {"what": "nail"}}
    assert told[3].content == 'The tool hammer answered: {"result": 1}'


def test_without_a_systems_turn_there_is_one() -> None:
    assert [message.role for message in with_tools(ASKED[1:], [HAMMER])] == ["system", "user"]


@pytest.mark.parametrize(
    ("action", "fits"),
    [
        ({"action": "hammer", "input": {"what": "nail"}}, True),
        ({"action": "hammer", "input": {}}, False),
        ({"action": "final", "input": "It hangs."}, True),
        ({"action": "final", "input": {"what": "nail"}}, False),
        ({"action": "saw", "input": {}}, False),
    ],
)
def test_an_action_is_a_call_or_the_answer(action: Any, fits: bool) -> None:
    assert (json_schema.violations(action_schema([HAMMER], None), action) == []) == fits


def test_the_answer_obeys_the_schema_of_the_agent() -> None:
    schema = action_schema([HAMMER], {"type": "integer"})
    assert json_schema.violations(schema, {"action": "final", "input": 3}) == []
    assert json_schema.violations(schema, {"action": "final", "input": "3"}) != []


def test_an_action_becomes_a_call_whose_id_is_the_same_each_time() -> None:
    reply = with_calls(said({"action": "hammer", "input": {"what": "nail"}}), [*ASKED, CALLED], [HAMMER])
    assert (reply.text, reply.finish) == ("", "tool_calls")
    assert reply.tool_calls == (ToolCall("call_1_0", "hammer", '{"what": "nail"}'),)


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ({"action": "final", "input": "It hangs."}, "It hangs."),
        ({"action": "final", "input": {"done": True}}, '{"done": true}'),
        ("I think it hangs", "I think it hangs"),
        ('{"action": "ham', '{"action": "ham'),
        ([1], "[1]"),
    ],
)
def test_what_is_no_call_is_the_answer(action: Any, text: str) -> None:
    assert with_calls(said(action), ASKED, [HAMMER]).text == text


def test_a_tool_may_be_named_like_the_answer() -> None:
    assert with_calls(said({"action": "final", "input": {"what": "x"}}), ASKED, [FINAL]).tool_calls[0].name == "final"
    assert with_calls(said({"action": "final_0", "input": "done"}), ASKED, [FINAL]).text == "done"
