"""Cron expressions with five fields in a time zone: `cronsim` finds the local times, and DST is handled here.

Local times are found without a zone, so that the library decides nothing about gaps and folds. An expression for every hour fires evenly:
it has no gap to make up for, and comes due in both of two hours that are called the same.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from .due_time import AFTER_GAP, FIRST_OF_TWO, IN_GAP, SECOND_OF_TWO, Due

Gap = Literal["run_after", "skip"]
Fold = Literal["first", "both"]

_DAY = timedelta(days=1)
_EVERY_HOUR = frozenset(range(24))
_LONGEST = 100
_ANY = datetime(2000, 1, 1)  # noqa: DTZ001 - local times have no zone here
_FIELDS = "minute, hour, day of the month, month, day of the week"
_EXAMPLE = 'such as "0 9 * * MON-FRI" for nine o\'clock on weekdays'
_NAMED = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0", "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip


class BadCron(ValueError):
    """The text is no expression, or one that never comes due; the message says what to write instead."""


def check(expression: str) -> None:
    """Raise `BadCron` for what is no expression of five fields, or never comes due."""
    named = _NAMED.get(expression.strip().lower())
    if named is not None:
        raise BadCron(f'Write "{named}"; names such as {expression.strip()} are not known.')
    count = len(expression.split())
    if count == 6:
        raise BadCron(f"A cron expression has 5 fields, {_FIELDS}, and none for seconds; for seconds use the type interval.")
    if count != 5 or len(expression) > _LONGEST:
        raise BadCron(f"A cron expression has 5 fields, {_FIELDS}; write one {_EXAMPLE}.")
    try:
        found = next(_local_times(expression, _ANY), None)
    except (CronSimError, AssertionError, TypeError) as error:
        part = str(error).removeprefix("Bad ").replace("-", " ") or "day of week"
        raise BadCron(f"The field {part} cannot be read, or leaves no day; write an expression {_EXAMPLE}.") from error
    if found is None:
        raise BadCron(f"This never comes due: no month of it has such a day; write an expression {_EXAMPLE}.")


def shortest_gap(expression: str, among: int) -> timedelta:
    """The shortest time between two of the first local times that it matches."""
    times = islice(_local_times(expression, _ANY), among)
    return min((after - before for before, after in pairwise(times)), default=timedelta.max)


def due_times(expression: str, timezone: str, gap: Gap, fold: Fold, after: datetime) -> Iterator[Due]:
    """The due times after the moment, in order; `gap` and `fold` say what becomes of local times that there are never or twice."""
    zone = ZoneInfo(timezone)
    is_even = CronSim(expression, _ANY).hours == _EVERY_HOUR
    waiting: dict[datetime, Due] = {}
    for local in _local_times(expression, _start(after, zone)):
        yield from _before(_earliest(local, zone), waiting)
        for due in _instants(local, zone, gap, "both" if is_even else fold):
            if due.at > after and not (is_even and AFTER_GAP in due.marks):
                waiting[due.at] = due
    yield from (due for _, due in sorted(waiting.items()))


def _before(moment: datetime, waiting: dict[datetime, Due]) -> list[Due]:
    """Take out those before the moment, in order."""
    return [waiting.pop(at) for at in sorted(waiting) if at < moment]


def _local_times(expression: str, after: datetime) -> Iterator[datetime]:
    """The local times after the moment; none where there is none in 50 years."""
    return iter(CronSim(expression, after))


def _start(after: datetime, zone: ZoneInfo) -> datetime:
    """A local time from which on all are found that come later: where a change is near, they may be earlier on the clock."""
    offsets = [(after + shift).astimezone(zone).utcoffset() or timedelta() for shift in (-_DAY, timedelta(), _DAY)]
    return (after + min(offsets)).replace(tzinfo=None)


def _earliest(local: datetime, zone: ZoneInfo) -> datetime:
    """A moment before which neither this local time comes nor any later one."""
    return min((local + shift).replace(tzinfo=zone).astimezone(UTC) - shift for shift in (-_DAY, timedelta(), _DAY))


def _instants(local: datetime, zone: ZoneInfo, gap: Gap, fold: Fold) -> Iterator[Due]:
    """When it is that time in the zone: once, or as is wished where the clock skips it or shows it twice.

    A time that is skipped is read with the offset before, as iCalendar does (RFC 5545, 3.3.5): 02:30 becomes 03:30.
    """
    first, second = (local.replace(tzinfo=zone, fold=each) for each in (0, 1))
    before, later = first.utcoffset(), second.utcoffset()
    if before is None or later is None or before == later:
        yield Due(first.astimezone(UTC))
    elif before < later:
        yield Due(first.astimezone(UTC), (AFTER_GAP,), None if gap == "run_after" else IN_GAP)
    else:
        yield Due(first.astimezone(UTC), (FIRST_OF_TWO,))
        if fold == "both":
            yield Due(second.astimezone(UTC), (SECOND_OF_TWO,))
