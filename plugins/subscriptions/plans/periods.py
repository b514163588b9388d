"""The periods of plans: calendar months of a time zone, with exact prices of parts of one."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_MILLISECOND = timedelta(milliseconds=1)
#: A month that begins with the end of another one, in another time zone, is no shorter than this.
_SHORTEST = timedelta(days=14)


class Period(NamedTuple):
    """From `starts_at` on, and before `ends_at`."""

    starts_at: datetime
    ends_at: datetime


def month_of(moment: datetime, timezone: str) -> Period:
    """The calendar month of the time zone that the moment is in."""
    first = moment.astimezone(ZoneInfo(timezone)).date().replace(day=1)
    return Period(_midnight(first, timezone), _midnight(_next_month(first), timezone))


def month_after(period: Period, timezone: str) -> Period:
    """The period that begins with the end of another one, to the end of a month; longer than one where that would be days only."""
    ends_at = month_of(period.ends_at, timezone).ends_at
    if ends_at - period.ends_at < _SHORTEST:
        ends_at = month_of(ends_at, timezone).ends_at
    return Period(period.ends_at, ends_at)


def share(price: int, period: Period, part: Period) -> int:
    """What a part of a period costs, in micro-units.

    What was due until its end less what was due until its beginning, each cut to whole micro-units: so the parts of a period sum to
    the price of the whole, wherever they are cut.
    """
    return _due(price, period, part.ends_at) - _due(price, period, part.starts_at)


def _due(price: int, period: Period, until: datetime) -> int:
    return price * ((until - period.starts_at) // _MILLISECOND) // ((period.ends_at - period.starts_at) // _MILLISECOND)


def days_of(period: Period, timezone: str) -> list[tuple[date, Period]]:
    """The days of the time zone that the period has a part of, each with that part."""
    day, days = period.starts_at.astimezone(ZoneInfo(timezone)).date(), []
    while (starts_at := max(_midnight(day, timezone), period.starts_at)) < period.ends_at:
        ends_at = min(_midnight(day + timedelta(days=1), timezone), period.ends_at)
        days.append((day, Period(starts_at, ends_at)))
        day += timedelta(days=1)
    return days


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _midnight(day: date, timezone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)
