"""What failures print: the end of the story, where the cause is, and each traceback once."""

from typing import NoReturn

import pytest

from aasim_core.testing.reporting import demand_none, in_short
from aasim_core.testing.statements import summary


def deep(levels: int) -> NoReturn:
    """Fail so many calls below."""
    if levels:
        deep(levels - 1)
    raise KeyError("the cause")


def story(links: int) -> Exception:
    """An exception that others led to."""
    try:
        try:
            deep(50)
        except KeyError as cause:
            for number in range(links):
                try:
                    raise ValueError(f"link {number}") from cause
                except ValueError as error:
                    cause = error  # type: ignore[assignment]
            raise RuntimeError("the end") from cause
    except RuntimeError as end:
        return end
    raise AssertionError


def test_a_traceback_in_short_ends_with_the_exception_and_has_no_more_than_forty_lines() -> None:
    lines = in_short(story(1)).splitlines()
    assert lines[-1] == "RuntimeError: the end"
    assert "KeyError: 'the cause'" in lines
    assert len(in_short(story(9)).splitlines()) <= 40


def test_of_many_flaws_some_are_named_and_the_rest_counted() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"flaw 9\nand 15 more like these$"):
        demand_none([f"flaw {number}" for number in range(25)])


def test_statements_that_were_run_often_take_one_line() -> None:
    assert summary(["SELECT 1", *["SELECT 2"] * 100]) == "100 × SELECT 2\n1 × SELECT 1"
    assert summary(map(str, range(12))).splitlines()[-1] == "and 2 others"
