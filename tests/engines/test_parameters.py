"""Stored parameters become checked ones."""

from typing import Any

import pytest

from aasim_plugins.engines.chat import EngineError, Parameters
from aasim_plugins.engines.provider_kit.parameters import parameters_from


def test_later_layers_win_and_the_rest_is_extra() -> None:
    engine = {"temperature": 0.7, "max_output_tokens": 100, "top_p": 0.9}
    agent = {"temperature": 0, "stop": "END", "seed": 4}

    parameters = parameters_from(engine, agent, timeout_seconds=30, attempt=2)

    assert parameters == Parameters(0, 100, 4, ("END",), {"top_p": 0.9}, 30, 2)


def test_null_leaves_a_value_to_the_provider() -> None:
    assert parameters_from({"temperature": 1}, {"temperature": None}).temperature is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", "hot"),
        ("temperature", 3),
        ("temperature", True),
        ("temperature", float("nan")),
        ("max_output_tokens", 0),
        ("max_output_tokens", 1.5),
        ("max_output_tokens", True),
        ("seed", -1),
        ("seed", 2**32),
        ("stop", [""]),
        ("stop", ["a"] * 5),
        ("stop", 5),
    ],
)
def test_a_wrong_value_says_what_to_write(name: str, value: Any) -> None:
    with pytest.raises(EngineError, match=f"the parameter {name} must be") as caught:
        parameters_from({name: value})
    assert caught.value.code == "invalid_request"
