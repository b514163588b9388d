"""How much room the last minute leaves."""

import pytest

from aasim_plugins.engines.usage import pace


def test_what_began_within_the_last_minute_counts_and_nothing_older() -> None:
    slices = [(0.0, 1, 10), (5.0, 2, 20), (55.0, 3, 30)]
    assert pace.recent(slices, 64.9) == slices
    assert pace.recent(slices, 65.0) == slices[1:]
    assert pace.recent(slices, 125.0) == []


def test_calls_are_added_to_the_slice_of_their_moment() -> None:
    slices = pace.added([], 12.5, calls=1, tokens=7)
    assert slices == [(10.0, 1, 7)]
    assert pace.added(slices, 14.9, tokens=3) == [(10.0, 1, 10)]
    assert pace.added(slices, 15.0, calls=1) == [(10.0, 1, 7), (15.0, 1, 0)]


def test_a_clock_that_lags_behind_adds_to_the_newest_slice() -> None:
    assert pace.added([(10.0, 1, 0)], 9.0, calls=1) == [(10.0, 2, 0)]


def test_tokens_are_given_back_in_the_slice_in_which_the_call_began() -> None:
    assert pace.given_back([(10.0, 1, 50), (15.0, 1, 20)], 10.0, 40) == [(10.0, 1, 10), (15.0, 1, 20)]


def test_nothing_is_given_back_when_the_slice_counts_no_longer() -> None:
    assert pace.given_back([(15.0, 1, 20)], 10.0, 40) == [(15.0, 1, 20)]


def test_what_is_given_back_never_leaves_less_than_nothing() -> None:
    assert pace.given_back([(10.0, 1, 5)], 10.0, 9) == [(10.0, 1, 0)]


def test_a_call_waits_until_enough_of_those_before_it_are_a_minute_old() -> None:
    slices = [(0.0, 2, 0), (30.0, 1, 0)]
    assert pace.wait_for_call(slices, 4, 31.0) == 0
    assert pace.wait_for_call(slices, 3, 31.0) == pytest.approx(65 - 31)
    assert pace.wait_for_call(slices, 1, 31.0) == pytest.approx(95 - 31)


def test_tokens_wait_until_there_are_so_many_left() -> None:
    slices = [(0.0, 1, 60), (30.0, 1, 30)]
    assert pace.wait_for_tokens(slices, 100, 10, 31.0) == 0
    assert pace.wait_for_tokens(slices, 100, 11, 31.0) == pytest.approx(65 - 31)


def test_a_call_of_more_tokens_than_the_limit_goes_when_nothing_else_counts() -> None:
    assert pace.wait_for_tokens([], 100, 5_000, 31.0) == 0
    assert pace.wait_for_tokens([(30.0, 1, 1)], 100, 5_000, 31.0) == pytest.approx(95 - 31)


def test_no_minute_has_more_calls_than_the_limit() -> None:
    slices: list[pace.Slice] = []
    began = []
    for tick in range(4_000):
        moment = tick * 0.1
        slices = pace.recent(slices, moment)
        if not pace.wait_for_call(slices, 7, moment):
            slices = pace.added(slices, moment, calls=1)
            began.append(moment)
    assert max(sum(start <= other < start + 60 for other in began) for start in began) == 7
    assert len(began) >= 7 * 6
