"""Quarters of an hour, which are the unit of counting, and the intervals of a time zone that consist of them.

Every time zone of today is a whole number of quarters ahead of UTC or behind it, so its hours and days begin where a quarter does; a day
of one that was not begins with the next quarter.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

#: Nothing was before.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
_QUARTER_SECONDS = 900
HOUR, DAY, WEEK, MONTH, TOTAL = "hour", "day", "week", "month", "total"
#: A level of sums, from 00:00, 06:00, 12:00 and 18:00 UTC on; nobody can ask for it as an interval.
SIX_HOURS = "six_hours"
#: The lengths of intervals; a week begins on Monday (ISO 8601), and `TOTAL` is the whole range.
INTERVALS = (HOUR, DAY, WEEK, MONTH, TOTAL)


def quarter_of(moment: datetime) -> datetime:
    """When the quarter of an hour began in which the moment is."""
    seconds = int(moment.timestamp())
    return datetime.fromtimestamp(seconds - seconds % _QUARTER_SECONDS, UTC)


def start_of(moment: datetime, level: str, zone: ZoneInfo) -> datetime:
    """When the hour of UTC, the six hours of UTC, or the day of the zone, began in which the moment is."""
    if level in (HOUR, SIX_HOURS):
        hour = moment.hour - moment.hour % (6 if level == SIX_HOURS else 1)
        return moment.replace(hour=hour, minute=0, second=0, microsecond=0)
    return _midnight(zone, moment.astimezone(zone), 0)


def next_start(start: datetime, interval: str, zone: ZoneInfo) -> datetime:
    """When the interval after the one begins that the moment is in."""
    return _NEXT[interval](start, zone)


def ceiling(moment: datetime) -> datetime:
    """The first beginning of a quarter that is not before the moment."""
    quarter = quarter_of(moment)
    return quarter if quarter == moment else quarter + QUARTER


def starts(start: datetime, end: datetime, interval: str, zone: ZoneInfo) -> Iterator[datetime]:
    """When each interval begins: the first at `start`, the others where the clocks of the zone begin one."""
    yield start
    if interval == TOTAL:
        return
    at = start
    while (at := next_start(at, interval, zone)) < end:
        yield at


def _next_hour(at: datetime, zone: ZoneInfo) -> datetime:
    """By the minutes of the clocks there; on a day on which they are changed, an hour comes twice, or is left out."""
    local = at.astimezone(zone)
    return at + timedelta(hours=1) - timedelta(minutes=local.minute, seconds=local.second)


def _next_six_hours(at: datetime, zone: ZoneInfo) -> datetime:
    return start_of(at, SIX_HOURS, zone) + timedelta(hours=6)


def _midnight(zone: ZoneInfo, local: datetime, days: int) -> datetime:
    midnight = datetime.combine(local.date() + timedelta(days=days), time(), zone)
    return ceiling(midnight.astimezone(UTC))


def _next_day(at: datetime, zone: ZoneInfo) -> datetime:
    return _midnight(zone, at.astimezone(zone), 1)


def _next_week(at: datetime, zone: ZoneInfo) -> datetime:
    local = at.astimezone(zone)
    return _midnight(zone, local, 7 - local.weekday())


def _next_month(at: datetime, zone: ZoneInfo) -> datetime:
    local = at.astimezone(zone)
    first_of_next = (local.replace(day=1) + timedelta(days=32)).replace(day=1)
    return _midnight(zone, first_of_next, 0)


_NEXT: Mapping[str, Callable[[datetime, ZoneInfo], datetime]] = {
    HOUR: _next_hour,
    SIX_HOURS: _next_six_hours,
    DAY: _next_day,
    WEEK: _next_week,
    MONTH: _next_month,
}
