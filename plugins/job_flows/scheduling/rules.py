"""Convert a flow's record to the kernel's values: schedule, calendar and policies."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aasim_core.clock import from_text

from ..kernel.calendars import Calendar, Hours
from ..kernel.firings import Misfire, Rules
from ..kernel.schedules import Cron, Interval, Once, Schedule
from ..models import ACTIVE
from . import national_days

if TYPE_CHECKING:
    from aasim_core.app import App

    from .with_branches import Opening

#: The fields that a schedule is made of; `created_at` is what intervals without a beginning count from.
COLUMNS = ("trigger", "calendar", "starts_at", "ends_at", "created_at")

Openings = Mapping[str, "Opening"]


def rules_of(app: "App", flow: Any) -> Rules:
    """What decides on the due times of a flow."""
    values = {name: getattr(flow, name) for name in COLUMNS}
    schedule = schedule_of(values, openings_for(app, [flow.calendar]))
    misfire = Misfire(flow.misfire["policy"], flow.misfire["max"], timedelta(seconds=flow.misfire["window_seconds"]))
    return Rules(schedule, misfire, None if flow.status == ACTIVE else flow.status)


def schedule_of(values: Mapping[str, Any], openings: Openings) -> Schedule:
    """The schedule that the fields `COLUMNS` describe; times are moments."""
    trigger = values["trigger"]
    return Schedule(
        _trigger_of(trigger, values["starts_at"] or values["created_at"]),
        _calendar_of(values["calendar"], trigger.get("timezone", "UTC"), openings),
        values["starts_at"],
        values["ends_at"],
    )


def openings_for(app: "App", calendars: Iterable[Mapping[str, Any] | None]) -> Openings:
    """When the branches are open that the calendars name, in one statement; none of them where the plugin is off."""
    ids = {calendar["branch_id"] for calendar in calendars if calendar and calendar.get("branch_id")}
    if not ids or not app.features.is_here("branches"):
        return {}
    from . import with_branches

    return with_branches.openings(ids)


def _trigger_of(trigger: Mapping[str, Any], anchor: datetime) -> Cron | Interval | Once | None:
    match trigger["type"]:
        case "cron":
            return Cron(trigger["expression"], trigger["timezone"], trigger["dst_gap"], trigger["dst_fold"])
        case "interval":
            return Interval(trigger["seconds"], anchor)
        case "once":
            return Once(from_text(trigger["due_at"]))
    return None


def _calendar_of(calendar: Mapping[str, Any] | None, timezone: str, openings: Openings) -> Calendar | None:
    """The calendar; a branch that is gone, or off, has no hours and no holidays of its own."""
    if calendar is None:
        return None
    opening = openings.get(calendar["branch_id"] or "")
    excluded = frozenset(map(date.fromisoformat, calendar["excluded_dates"]))
    country = calendar["country"]
    own = opening.holidays if opening else frozenset()
    return Calendar(
        calendar["only"],
        opening.timezone if opening else timezone,
        tuple(Hours(one.weekday, one.opens, one.closes) for one in opening.hours) if opening else (),
        national_days.weekend_of(country) if country else frozenset((5, 6)),
        excluded,
        partial(_is_holiday, own, country, calendar["subdivision"]),
    )


def _is_holiday(own: frozenset[date], country: str | None, subdivision: str | None, day: date) -> bool:
    return day in own or (country is not None and national_days.is_holiday(country, subdivision, day))
