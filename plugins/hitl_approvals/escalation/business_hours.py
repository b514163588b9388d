"""Business hours: the moment when a number of seconds of them have passed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY_MINUTES = 24 * 60
#: A branch without enough business hours in this many days counts as always open.
_MOST_DAYS = 3660


@dataclass(frozen=True)
class Hours:
    """Open on one day of the week (0 is Monday), in minutes from midnight on the clock of the place."""

    weekday: int
    opens: int
    closes: int


@dataclass(frozen=True)
class Calendar:
    """When a place is open, on its own clock: without hours all day, and never on a holiday."""

    timezone: str = "UTC"
    hours: tuple[Hours, ...] = ()
    holidays: frozenset[date] = frozenset()


def after(start: datetime, seconds: float, calendar: Calendar) -> datetime:
    """The moment (UTC) at which `seconds` of open time have passed since `start`, an aware datetime.

    Time is what passes, not what the clock shows: an hour that a change to summer time skips is none, and one that comes twice is two
    where the hours contain it.
    """
    start, left = start.astimezone(UTC), timedelta(seconds=seconds)
    for opened, closed in _open_times(start, calendar):
        begin = max(opened, start)
        if closed <= begin:
            continue
        if closed - begin >= left:
            return begin + left
        left -= closed - begin
    return start + timedelta(seconds=seconds)


def _open_times(start: datetime, calendar: Calendar) -> Iterator[tuple[datetime, datetime]]:
    """The open times from the day of `start` on, none overlapping another."""
    zone = ZoneInfo(calendar.timezone)
    first = start.astimezone(zone).date()
    for day in (first + timedelta(days=number) for number in range(_MOST_DAYS)):
        if day not in calendar.holidays:
            for opens, closes in _merged(_minutes_of(day, calendar)):
                yield _moment(day, opens, zone), _moment(day, closes, zone)


def _minutes_of(day: date, calendar: Calendar) -> list[tuple[int, int]]:
    if not calendar.hours:
        return [(0, _DAY_MINUTES)]
    return [(hours.opens, hours.closes) for hours in calendar.hours if hours.weekday == day.weekday()]


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    end = 0
    for opens, closes in sorted(spans):
        if closes > end:
            yield max(opens, end), closes
            end = closes


def _moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    days, rest = divmod(minutes, _DAY_MINUTES)
    local = datetime.combine(day + timedelta(days=days), time(*divmod(rest, 60)), zone)
    return local.astimezone(UTC)
