"""What models say, of whatever provider: data from outside, made fit to be kept."""

from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_plugins.engines.built_in import write
from aasim_plugins.engines.chat import Capabilities, EngineConfig, EngineError, Message, Provider, Reply, ToolCall, Usage
from aasim_plugins.engines.provider_kit.replies import clean_errors, clean_reply

HELLO = [Message("user", "Hello?")]
COUNTED = Usage(7, 3)
BROKEN, MENDED = "a\0b\ud800", "a\ufffdb\ufffd"


def reply(text: str = "Hello.", *calls: ToolCall, usage: Usage = COUNTED, model: str = "m") -> Reply:
    return Reply(text, calls, usage, "stop", model)


def test_texts_that_nobody_can_keep_are_mended() -> None:
    said = clean_reply(reply(BROKEN, ToolCall(BROKEN, BROKEN, BROKEN), model=BROKEN), HELLO)

    assert (said.text, said.raw_model) == (MENDED, MENDED)
    assert said.tool_calls == (ToolCall(MENDED, MENDED, MENDED),)


def test_halves_of_a_character_that_came_apart_are_joined() -> None:
    assert clean_reply(reply("\ud83d" + "\ude00"), HELLO).text == "😀"


def test_arguments_are_mended_where_they_are_escaped() -> None:
    parsed = ToolCall("1", "look", r'{"at": ["a\u0000b\ud800"], "many": 100000000000000000000}').parsed()

    assert parsed == {"at": [MENDED], "many": "100000000000000000000"}


@pytest.mark.parametrize("count", [10**20, 2**53 + 1, -1, 1.5, "3", True, None])
def test_counts_that_cannot_be_true_are_estimated_instead(count: Any) -> None:
    estimated = clean_reply(reply(usage=Usage(count, 3)), HELLO).usage

    assert (estimated.source, estimated.output_tokens) == ("estimated", 2)
    assert clean_reply(reply(usage=Usage(7, 3, cache_read_tokens=count)), HELLO).usage == estimated


def test_counts_that_can_be_true_are_kept() -> None:
    assert clean_reply(reply(usage=Usage(2**53, 0)), HELLO).usage == Usage(2**53, 0)


def test_what_a_server_says_of_its_failure_is_mended_too() -> None:
    with pytest.raises(EngineError) as caught, clean_errors(None):
        raise EngineError("refused", BROKEN)
    assert (caught.value.code, caught.value.message) == ("refused", MENDED)


def test_the_test_of_an_engine_shows_what_was_mended(app: Any, world: Any) -> None:
    class Odd:
        def chat(self, *_: Any, **__: Any) -> Reply:
            return reply(BROKEN, usage=Usage(1.5, 10**20))  # type: ignore[arg-type]

        def close(self) -> None:
            pass

    def open_odd(config: EngineConfig) -> Any:
        return Odd()

    app.offers.keep("engine_providers", {"odd": Provider("odd", "Odd", Capabilities(), open=open_odd)})
    owner = world.organization()
    with organization_scope(owner.organization_id), app.database.transaction():
        engine = write({"name": "Odd", "provider": "odd", "model": "m", "capabilities": {}})
    tested = owner.client.post(f"/engines/{engine.id}/test")

    assert (tested.status, tested.data["text"]) == (200, MENDED)
    assert isinstance(tested.data["input_tokens"], int)
