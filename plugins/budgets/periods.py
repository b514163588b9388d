"""The periods of budgets: days, weeks from Monday and months of a time zone's calendar, or one without an end."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Period:
    """From `starts_at` on, and before `ends_at`, if it ends."""

    starts_at: datetime
    ends_at: datetime | None


def period_at(kind: str, timezone: str, moment: datetime, begun: datetime) -> Period:
    """Return the period of that kind that contains `moment`; a ``total`` one has `begun` with the budget."""
    if kind == "total":
        return Period(begun, None)
    zone = ZoneInfo(timezone)
    first, after = _days(kind, moment.astimezone(zone).date())
    return Period(_midnight(first, zone), _midnight(after, zone))


def _days(kind: str, day: date) -> tuple[date, date]:
    """The first day of the period that the day is in, and of the next one."""
    if kind == "day":
        return day, day + timedelta(days=1)
    if kind == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
