"""The types that every provider shares."""

import pytest

from aasim_core.secrets import Secret
from aasim_plugins.engines.chat import ERROR_CODES, EngineConfig, EngineError, Message, ToolCall
from aasim_plugins.engines.provider_kit.estimates import estimated_usage


def test_an_error_is_retryable_by_its_code_unless_it_says_otherwise() -> None:
    assert {code for code in ERROR_CODES if EngineError(code, "x").retryable} == {"unavailable", "rate_limited", "timeout"}
    assert not EngineError("rate_limited", "no credit", retryable=False).retryable


@pytest.mark.parametrize("arguments", ["{", "[]", "5", "[" * 100_000])
def test_arguments_that_are_no_object_are_explained_to_the_model(arguments: str) -> None:
    with pytest.raises(ValueError, match="the arguments of look"):
        ToolCall("id", "look", arguments).parsed()


def test_no_arguments_are_an_empty_object() -> None:
    assert ToolCall("id", "look", "").parsed() == {}


def test_a_config_does_not_show_its_key() -> None:
    assert "hidden" not in repr(EngineConfig("m", api_key=Secret("hidden")))


def test_an_estimate_counts_messages_tools_and_text() -> None:
    call = ToolCall("id", "look", '{"a": 1}')

    assert estimated_usage([Message("user", "12345678")], "1234").input_tokens == 6
    assert estimated_usage([], "żółw" * 10).output_tokens == 18
    assert estimated_usage([], "", [call]).output_tokens == 3
