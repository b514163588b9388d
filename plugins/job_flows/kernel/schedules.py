"""Schedules: compute the next due times of a flow."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from . import cron
from .calendars import Calendar
from .due_time import Due


@dataclass(frozen=True)
class Cron:
    """An expression on the clock of a time zone."""

    expression: str
    timezone: str
    gap: cron.Gap = "run_after"
    fold: cron.Fold = "first"

    def due_times(self, after: datetime) -> Iterator[Due]:
        """The due times after the moment, in order."""
        return cron.due_times(self.expression, self.timezone, self.gap, self.fold, after)


@dataclass(frozen=True)
class Interval:
    """An interval of seconds from `anchor` on, independent of time zones."""

    seconds: int
    anchor: datetime

    def due_times(self, after: datetime) -> Iterator[Due]:
        """The due times after the moment, in order; the anchor is none."""
        step = timedelta(seconds=self.seconds)
        number = max(1, (after - self.anchor) // step + 1)
        while True:
            yield Due(self.anchor + number * step)
            number += 1


@dataclass(frozen=True)
class Once:
    """One time."""

    at: datetime

    def due_times(self, after: datetime) -> Iterator[Due]:
        """The one time, if it is after the moment."""
        if self.at > after:
            yield Due(self.at)


@dataclass(frozen=True)
class Schedule:
    """What comes due: nothing by itself without a `trigger`, nothing before `starts_at` or after `ends_at`."""

    trigger: Cron | Interval | Once | None
    calendar: Calendar | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def due_times(self, after: datetime) -> Iterator[Due]:
        """The due times after the moment, in order, each with why nothing is to start then, if so; none near the end of the year 9999."""
        with suppress(OverflowError):  # dates end there, and those of the next day are needed
            yield from self._due_times(after)

    def _due_times(self, after: datetime) -> Iterator[Due]:
        if self.trigger is None:
            return
        if self.starts_at is not None:
            after = max(after, self.starts_at - timedelta(milliseconds=1))
        for due in self.trigger.due_times(after):
            if self.ends_at is not None and due.at > self.ends_at:
                return
            yield self._judged(due)

    def next_due(self, after: datetime) -> datetime | None:
        """The first due time after the moment, if there is one, whether something starts then or not."""
        first = next(self.due_times(after), None)
        return None if first is None else first.at

    def _judged(self, due: Due) -> Due:
        if due.skip is not None or self.calendar is None or (why := self.calendar.why_closed(due.at)) is None:
            return due
        return replace(due, skip=why)


def jitter(flow_id: str, at: datetime, most: int) -> timedelta:
    """Return the jitter of a due time, up to this many seconds: the same on each call."""
    if not most:
        return timedelta()
    number = int.from_bytes(sha256(f"{flow_id}/{at.isoformat()}".encode()).digest()[:8])
    return timedelta(milliseconds=number % (most * 1000 + 1))
