"""Enforcement of plan limits where objects are created: in the same transaction, serialized per organization."""

from functools import partial
from typing import TYPE_CHECKING, Any

from aasim_core import ErrorCode, Listener, Refused, emit
from aasim_core.clock import to_text
from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.error_codes import LIMIT
from aasim_core.tenancy.records import Organization

from ..models import Notice
from ..plans.catalog import LIMITS, Plan, settings_of
from ..plans.current_plan import Standing, standing_of
from . import counting
from .counting import METERS, Meter

if TYPE_CHECKING:
    from datetime import datetime

    from aasim_core.app import App
    from aasim_core.events.records import EventRow

PLAN_LIMIT_EXCEEDED = ErrorCode(
    "plan_limit_exceeded",
    402,
    "the organization's plan allows no more",
    "wait until it resets, remove what is not needed, or subscribe to another plan",
    example="The plan Team allows 10 agents, and there are 10.",
    meta={"limit": "agents", **LIMIT, "used": 10, "max": 10, "resets_at": None, "plan": "team"},
)
#: Percentages of a limit at which an event is emitted.
PERCENTS = (80, 100)


def exceeded(plan: Plan, name: str, used: int, resets_at: "datetime | None", message: str, **more: Any) -> Refused:
    """The refusal where a limit of the plan is reached."""
    meta = {
        "limit": name,
        "scope": "organization",
        "scope_id": current_organization(),
        "used": used,
        "max": plan.limits[name],
        "resets_at": to_text(resets_at) if resets_at else None,
        "plan": plan.id,
        **more,
    }
    return Refused(PLAN_LIMIT_EXCEEDED, message, meta=meta)


def used_up(stand: Standing, meter: Meter, used: int) -> Refused:
    """The refusal where nothing is left."""
    resets_at = stand.period.ends_at if meter.monthly else None
    instead = f"wait until {to_text(resets_at)}" if resets_at else "remove what is not needed"
    told = f"The plan {stand.plan.title} allows {stand.plan.limits[meter.name]} {LIMITS[meter.name]}, and {used} are used"
    return exceeded(stand.plan, meter.name, used, resets_at, f"{told}; {instead}, or subscribe to another plan.")


def limited(app: "App", name: str) -> Standing | None:
    """How the organization in scope stands, if its plan has that limit; where the operator has no plans, nothing is read."""
    if not settings_of(app).plans:
        return None
    stand = standing_of(app)
    return stand if name in stand.plan.limits else None


def lock(name: str) -> None:
    """Lock the limit against concurrent use until the running transaction ends."""
    records.database_of(Notice).lock(f"subscriptions/{current_organization()}/{name}")


def tell(stand: Standing, name: str, used: int) -> None:
    """Tell, in the running transaction, which percents of the limit are reached, each of them once in a period."""
    most, starts_at = stand.plan.limits[name], stand.period.starts_at
    passed = [percent for percent in PERCENTS if 100 * used >= percent * most]
    if not passed:
        return
    same = (Notice.limit_name == name) & (Notice.period_starts_at == starts_at)
    known = {notice.percent for notice in Notice.select().where(same)}
    for percent in passed:
        if percent not in known:
            records.create(Notice, limit_name=name, period_starts_at=starts_at, percent=percent)
            told = {"limit": name, "threshold": percent, "used": used, "max": most, "plan_id": stand.plan.id}
            emit("subscriptions.threshold_reached", records.find(Organization, current_organization()), data=told)


def listeners(app: "App") -> list[Listener]:
    """What refuses, or counts, each thing that a plan limits where it is made."""
    return [
        Listener(event, partial(_one_more, app, meter), "when_emitted", refusals=(PLAN_LIMIT_EXCEEDED,))
        for meter in METERS.values()
        for event in meter.makes
    ]


def _one_more(app: "App", meter: Meter, event: "EventRow") -> None:
    stand = limited(app, meter.name)
    if stand is None:
        return
    lock(meter.name)
    used = counting.used(app, meter, stand.period, stand.timezone, without=event.subject_id)
    if used >= stand.plan.limits[meter.name]:
        raise used_up(stand, meter, used)
    tell(stand, meter.name, used + 1)
