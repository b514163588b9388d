"""Searches begin where the last one ended, and now and then from the beginning."""

from types import SimpleNamespace

import pytest

from aasim_core.clock import now, to_text
from aasim_core.jobs.search_range import EVER, FULL_SHARE, LATE, SearchRange


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of the monotonic clock, to be moved on."""
    moment = [0.0]
    monkeypatch.setattr("aasim_core.jobs.search_range.time", SimpleNamespace(monotonic=lambda: moment[0]))
    return moment


def searched(searches: SearchRange) -> str:
    with searches.search() as since:
        return since


def test_the_first_search_is_from_the_beginning_and_the_next_from_where_it_ended(clock: list[float]) -> None:
    searches = SearchRange()
    before = to_text(now() - LATE)
    assert searched(searches) == EVER
    assert before <= searched(searches) <= to_text(now())


def test_a_search_from_the_beginning_takes_a_small_share_of_the_time(clock: list[float]) -> None:
    searches = SearchRange()
    with searches.search():
        clock[0] += 2
    clock[0] += 2 / FULL_SHARE - 3
    assert searched(searches) != EVER
    clock[0] += 2
    assert searched(searches) == EVER


def test_a_search_that_fails_is_made_again(clock: list[float]) -> None:
    searches = SearchRange()
    with pytest.raises(OSError, match="the database is away"), searches.search():
        raise OSError("the database is away")
    assert searches.since == EVER
