"""The plan usage of the organization in scope, its forecast, and its resets."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from aasim_core.clock import now
from aasim_core.errors import Refused

from ..models import Subscription
from ..plans.catalog import Plan, default_of
from ..plans.current_plan import Standing, plan_of, standing_of
from ..plans.periods import Period
from . import counting
from .counting import METERS, Meter

if TYPE_CHECKING:
    from aasim_core.app import App

#: The groupings of usage besides days.
DAY = "day"
GROUPS = (DAY, *dict.fromkeys(group for meter in METERS.values() for group in meter.groups))
_FIRST_YEAR = 1970
_MILLISECOND = timedelta(milliseconds=1)


def told(app: "App", group_by: str | None = None) -> dict[str, Any]:
    """The usage of the period so far, by each meter of what is here; with groups where the meter has them."""
    stand = standing_of(app)
    return _told(app, stand, stand.plan, stand.period, now(), counting.here(app), group_by)


def told_of(app: "App", day: date) -> dict[str, Any]:
    """The usage of the period that the day was in, until its end; without what is not counted by month, of which the past is not known.

    Refused ``not_found`` for a day that has not begun, or is before all that is counted here.
    """
    if day.year < _FIRST_YEAR:
        raise Refused("not_found", f"There is nothing before {_FIRST_YEAR}; write a later day.")
    stand, moment = standing_of(app), now()
    starts_at = datetime.combine(day, time(), ZoneInfo(stand.timezone)).astimezone(UTC)
    if starts_at > moment:
        raise Refused("not_found", "Usage of a future day is not known; write a day that has begun.")
    until = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(stand.timezone)).astimezone(UTC)
    if until > moment:
        return told(app)
    subscription = _at(until - _MILLISECOND)
    plan = default_of(app) if subscription is None else plan_of(app, subscription)
    period = stand.period_at(until - _MILLISECOND)
    meters = [meter for meter in counting.here(app) if meter.monthly]
    return _told(app, stand, plan, period, until, meters, None)


def _at(moment: datetime) -> Subscription | None:
    """The subscription that there was at a moment."""
    found = Subscription.select().where(
        Subscription.starts_at <= moment, Subscription.ends_at.is_null() | (Subscription.ends_at > moment)
    )
    last: Subscription | None = found.order_by(Subscription.starts_at.desc(), Subscription.id.desc()).first()
    return last


def _told(
    app: "App", stand: Standing, plan: Plan, period: Period, until: datetime, meters: Sequence[Meter], group_by: str | None
) -> dict[str, Any]:
    begun = Period(period.starts_at, min(until, period.ends_at))
    items = [_metered(app, stand, plan, period, begun, meter, group_by) for meter in meters]
    return {"plan_id": plan.id, "timezone": stand.timezone, **period._asdict(), "counted_until_at": until, "meters": items}


def _metered(
    app: "App", stand: Standing, plan: Plan, period: Period, begun: Period, meter: Meter, group_by: str | None
) -> dict[str, Any]:
    used, most = counting.used(app, meter, begun, stand.timezone), plan.limits.get(meter.name)
    return {
        "limit": meter.name,
        "used": used,
        "max": most,
        "percent": None if most is None else _percent(used, most),
        "forecast": _forecast(used, period, begun) if meter.monthly else None,
        "resets_at": period.ends_at if meter.monthly else None,
        "groups": _groups(app, stand, meter, begun, group_by),
    }


def _percent(used: int, most: int) -> float:
    return round(100 * used / most, 1) if most else 100.0


def _forecast(used: int, period: Period, begun: Period) -> int | None:
    """Return the forecast for the end of the period; None at its beginning."""
    passed = (begun.ends_at - begun.starts_at) // _MILLISECOND
    return used * ((period.ends_at - period.starts_at) // _MILLISECOND) // passed if passed else None


def _groups(app: "App", stand: Standing, meter: Meter, begun: Period, group_by: str | None) -> Sequence[Mapping[str, Any]] | None:
    if group_by == DAY and meter.monthly:
        return [{"key": key, "used": used} for key, used in counting.by_day(app, meter, begun, stand.timezone)]
    if group_by in meter.groups:
        return [{"key": key, "used": used} for key, used in counting.by_group(app, meter, str(group_by), begun)]
    return None
