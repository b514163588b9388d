"""The instructions move into the user's turn, where SmolLM2 follows them."""

from aasim_plugins.engine_local.service import folded
from aasim_plugins.engines.chat import Message


def test_the_instructions_stand_before_the_first_users_turn() -> None:
    messages = [Message("system", "Be brief."), Message("user", "One?"), Message("assistant", "1"), Message("user", "Two?")]

    assert folded(messages) == [Message("user", "Be brief.\n\nOne?"), *messages[2:]]


def test_without_instructions_nothing_changes() -> None:
    assert folded([Message("user", "One?")]) == [Message("user", "One?")]


def test_instructions_alone_are_the_users_turn() -> None:
    assert folded([Message("system", "Say hello."), Message("system", "Briefly.")]) == [Message("user", "Say hello.\n\nBriefly.")]
