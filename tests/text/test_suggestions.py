"""Suggestions for names that do not exist."""

import pytest

from aasim_core.text.suggestions import near, nearest

FIELDS = ("organization_id", "version", "status", "max_output_tokens", "temperature")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("stauts", "status"),
        ("organisation_id", "organization_id"),
        ("temprature", "temperature"),
        ("max_tokens", "max_output_tokens"),
    ],
)
def test_a_typing_error_is_met_with_what_was_meant(written: str, meant: str) -> None:
    assert nearest(written, FIELDS) == meant


@pytest.mark.parametrize("written", ["conversation_id", "thread", "color", "x" * 65])
def test_another_word_is_met_with_no_suggestion(written: str) -> None:
    assert nearest(written, FIELDS) is None


def test_several_are_told_the_nearest_first() -> None:
    assert near("invalid_choise", ("invalid_state", "color", "invalid_choice"), 2) == ["invalid_choice", "invalid_state"]
