"""Calendars: which days and hours are at work, on the clock of the place."""

from datetime import UTC, date, datetime

import pytest

from aasim_plugins.job_flows.kernel.calendars import Calendar, Hours

#: Open on Monday from nine to noon and from one to five, and on Thursday all day.
HOURS = (Hours(0, 540, 720), Hours(0, 780, 1_020), Hours(3, 0, 1_440))


def closed(calendar: Calendar, text: str) -> str | None:
    return calendar.why_closed(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("moment", "why"),
    [
        ("2026-03-02T07:59", "outside_hours"),
        ("2026-03-02T08:00", None),
        ("2026-03-02T10:59", None),
        ("2026-03-02T11:00", "outside_hours"),
        ("2026-03-03T09:00", "not_a_business_day"),
        ("2026-03-04T23:30", None),  # Thursday in Berlin
        ("2026-03-05T23:30", "not_a_business_day"),
    ],
)
def test_hours_are_those_of_the_place(moment: str, why: str | None) -> None:
    assert closed(Calendar("business_hours", "Europe/Berlin", HOURS), moment) == why


def test_without_hours_all_but_the_weekend_is_at_work() -> None:
    berlin, riyadh = Calendar("business_hours", "UTC"), Calendar("business_hours", "UTC", weekend=frozenset((4, 5)))
    week = [f"2026-03-0{day}T03:00" for day in range(2, 9)]
    assert [closed(berlin, day) is None for day in week] == [True] * 5 + [False] * 2
    assert [closed(riyadh, day) is None for day in week] == [True] * 4 + [False] * 2 + [True]


def test_excluded_dates_are_left_out_of_any_day() -> None:
    calendar = Calendar("any_day", "Pacific/Kiritimati", excluded=frozenset([date(2026, 3, 8)]))
    assert closed(calendar, "2026-03-07T12:00") == "excluded_date"  # it is Sunday there
    assert closed(calendar, "2026-03-08T12:00") is None


@pytest.mark.parametrize(
    ("month", "last"), [("2026-01", "30"), ("2026-02", "27"), ("2026-03", "31"), ("2026-05", "28"), ("2026-12", "30")]
)
def test_the_last_business_day_of_a_month_is_one(month: str, last: str) -> None:
    holidays = {date(2026, 5, 29), date(2026, 12, 31)}
    calendar = Calendar("last_business_day", "UTC", is_holiday=holidays.__contains__)
    days = [f"{month}-{day:02}" for day in range(24, 32) if not (month == "2026-02" and day > 28)]
    assert [day[-2:] for day in days if closed(calendar, f"{day}T12:00") is None] == [last]
