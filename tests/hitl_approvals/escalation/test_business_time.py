"""Business hours: holidays, weekends, time zones, and the days on which clocks are changed."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_plugins.hitl_approvals.escalation.business_hours import Calendar, Hours, after

HOUR = 3600
OFFICE = tuple(Hours(day, 9 * 60, 17 * 60) for day in range(5))
VIENNA = Calendar("Europe/Vienna", OFFICE)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-01-14T10:00+01:00", 2, "2026-01-14T12:00+01:00"),  # within a Wednesday
        ("2026-01-14T16:00+01:00", 2, "2026-01-15T10:00+01:00"),  # over a night
        ("2026-01-16T16:00+01:00", 2, "2026-01-19T10:00+01:00"),  # over a weekend
        ("2026-01-14T03:00+01:00", 1, "2026-01-14T10:00+01:00"),  # from before the opening
        ("2026-01-17T12:00+01:00", 8, "2026-01-19T17:00+01:00"),  # from a Saturday, until closing time
        ("2026-01-14T10:00+01:00", 72, "2026-01-27T10:00+01:00"),  # nine days of eight hours
    ],
)
def test_only_open_hours_count(start: str, hours: int, end: str) -> None:
    assert after(moment(start), hours * HOUR, VIENNA) == moment(end)


def test_a_holiday_does_not_count() -> None:
    calendar = Calendar("Europe/Vienna", OFFICE, frozenset({date(2026, 1, 15)}))
    assert after(moment("2026-01-14T16:00+01:00"), 2 * HOUR, calendar) == moment("2026-01-16T10:00+01:00")


def test_the_clock_of_the_place_counts_not_that_of_the_server() -> None:
    calendar = Calendar("Asia/Tokyo", OFFICE)
    assert after(moment("2026-01-14T23:00+00:00"), HOUR, calendar) == moment("2026-01-15T10:00+09:00")


def test_without_hours_all_hours_count_but_those_of_holidays() -> None:
    assert after(moment("2026-01-16T20:00+00:00"), 72 * HOUR, Calendar()) == moment("2026-01-19T20:00+00:00")
    closed = Calendar(holidays=frozenset({date(2026, 1, 17)}))
    assert after(moment("2026-01-16T20:00+00:00"), 5 * HOUR, closed) == moment("2026-01-18T01:00+00:00")


def test_office_hours_are_the_same_on_the_clock_before_and_after_a_change_to_summer_time() -> None:
    # The clocks of Vienna go forward on Sunday, 29 March 2026.
    assert after(moment("2026-03-27T16:00+01:00"), 2 * HOUR, VIENNA) == moment("2026-03-30T10:00+02:00")


def test_an_hour_that_is_skipped_is_none() -> None:
    nights = Calendar("Europe/Vienna", tuple(Hours(day, 0, 6 * 60) for day in range(7)))
    assert after(moment("2026-03-29T00:00+01:00"), 5 * HOUR, nights) == moment("2026-03-29T06:00+02:00")
    skipped = Calendar("Europe/Vienna", (Hours(6, 2 * 60, 3 * 60),))
    assert after(moment("2026-03-29T00:00+01:00"), HOUR, skipped) == moment("2026-04-05T03:00+02:00")


def test_an_hour_that_comes_twice_is_two() -> None:
    # The clocks of Vienna go back on Sunday, 25 October 2026.
    nights = Calendar("Europe/Vienna", tuple(Hours(day, 0, 6 * 60) for day in range(7)))
    assert after(moment("2026-10-25T00:00+02:00"), 7 * HOUR, nights) == moment("2026-10-25T06:00+01:00")


def test_hours_that_overlap_count_once() -> None:
    calendar = Calendar("UTC", (Hours(2, 9 * 60, 12 * 60), Hours(2, 11 * 60, 14 * 60), Hours(2, 10 * 60, 11 * 60)))
    assert after(moment("2026-01-14T09:00+00:00"), 5 * HOUR, calendar) == moment("2026-01-14T14:00+00:00")


def test_hours_may_go_on_to_midnight_and_after() -> None:
    calendar = Calendar("UTC", (Hours(2, 22 * 60, 24 * 60), Hours(3, 0, 2 * 60)))
    assert after(moment("2026-01-14T22:00+00:00"), 4 * HOUR, calendar) == moment("2026-01-15T02:00+00:00")


def test_a_place_that_is_never_open_counts_as_always_open() -> None:
    never = Calendar("UTC", (Hours(0, 9 * 60, 9 * 60),))
    assert after(moment("2026-01-14T09:00+00:00"), HOUR, never) == moment("2026-01-14T10:00+00:00")


ZONES = st.sampled_from(["UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"])
SPANS = st.tuples(st.integers(0, 6), st.integers(0, 1380), st.integers(60, 480)).map(
    lambda parts: Hours(parts[0], parts[1], min(parts[1] + parts[2], 1440))
)
CALENDARS = st.builds(
    Calendar,
    ZONES,
    st.lists(SPANS, max_size=6).map(tuple),
    st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=5),
)
STARTS = st.integers(0, 364 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))


@pytest.mark.long
@given(STARTS, st.integers(60, 100 * HOUR), st.integers(60, 100 * HOUR), CALENDARS)
def test_time_adds_up(start: datetime, first: int, second: int, calendar: Calendar) -> None:
    middle = after(start, first, calendar)
    assert middle >= start + timedelta(seconds=first)
    assert after(middle, second, calendar) == after(start, first + second, calendar)
