"""Calendars: whether a moment is within business hours, by time zone, hours and holidays."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from .due_time import EXCLUDED_DATE, HOLIDAY, NO_BUSINESS_DAY, NOT_LAST_DAY, OUTSIDE_HOURS

Only = Literal["any_day", "business_days", "business_hours", "last_business_day"]
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Hours:
    """Open on one day of the week (0 is Monday), from one minute of the day until before another."""

    weekday: int
    opens: int
    closes: int


def no_holiday(_: date) -> bool:
    """No day is a holiday."""
    return False


@dataclass(frozen=True)
class Calendar:
    """When something may start. Business days are those of the `hours`, or without any, all but the `weekend`.

    ``any_day`` leaves out the `excluded` dates only. ``business_hours`` are all hours of business days where there are no `hours`.
    ``last_business_day`` is that of each month.
    """

    only: Only
    timezone: str
    hours: tuple[Hours, ...] = ()
    weekend: frozenset[int] = frozenset((5, 6))
    excluded: frozenset[date] = frozenset()
    is_holiday: Callable[[date], bool] = no_holiday

    def why_closed(self, moment: datetime) -> str | None:
        """Why nothing may start then; None where it may."""
        local = moment.astimezone(ZoneInfo(self.timezone))
        day = local.date()
        if day in self.excluded:
            return EXCLUDED_DATE
        if self.only == "any_day":
            return None
        if (why := self._why_no_business_day(day)) is not None:
            return why
        if self.only == "business_hours" and not self._is_open(day, local.hour * 60 + local.minute):
            return OUTSIDE_HOURS
        return NOT_LAST_DAY if self.only == "last_business_day" and not self._is_last(day) else None

    def _why_no_business_day(self, day: date) -> str | None:
        if self.is_holiday(day):
            return HOLIDAY
        weekday = day.weekday()
        is_workday = any(one.weekday == weekday for one in self.hours) if self.hours else weekday not in self.weekend
        return None if is_workday else NO_BUSINESS_DAY

    def _is_open(self, day: date, minute: int) -> bool:
        return not self.hours or any(one.weekday == day.weekday() and one.opens <= minute < one.closes for one in self.hours)

    def _is_last(self, day: date) -> bool:
        """Whether no later day of the month is a business day."""
        later = day + _DAY
        while later.month == day.month:
            if later not in self.excluded and self._why_no_business_day(later) is None:
                return False
            later += _DAY
        return True
