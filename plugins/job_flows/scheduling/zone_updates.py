"""After an update of the time zone database, recompute due times by the new rules, and emit an event with the difference."""

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfoNotFoundError

from aasim_core import emit
from aasim_core.clock import to_text
from aasim_core.context import SYSTEM, acting_as
from aasim_core.data import records
from aasim_core.tenancy.organizations_with import organizations_with

from ..models import SCHEDULED, JobFlow
from . import zones
from .due_times import look_at, next_due_of

if TYPE_CHECKING:
    from aasim_core.app import App

_AT_ONCE = 50


def with_zones() -> list[str]:
    """The organizations with flows that are due by a time zone. Needs a system scope."""
    return organizations_with(JobFlow, SCHEDULED, JobFlow.timezone.is_null(False))


def renew(app: "App") -> None:
    """Recompute the next due times of flows of the organization in scope whose time zone's rules have changed."""
    used: Any = JobFlow.select(JobFlow.timezone, JobFlow.zone_digest).where(SCHEDULED, JobFlow.timezone.is_null(False)).distinct()
    for timezone, digest in list(used.tuples()):
        if _has_changed(timezone, digest):
            _renew_all(app, timezone, digest)


def _has_changed(timezone: str, digest: str) -> bool:
    try:
        return zones.digest_of(timezone) != digest
    except ZoneInfoNotFoundError:  # the flow is paused when it is due
        return False


def _renew_all(app: "App", timezone: str, digest: str) -> None:
    stale = JobFlow.select().where(SCHEDULED, JobFlow.timezone == timezone, JobFlow.zone_digest == digest)
    while flows := list(stale.order_by(JobFlow.id).limit(_AT_ONCE)):
        with acting_as(SYSTEM), app.database.transaction():
            for flow in flows:
                _renew_one(app, flow)


def _renew_one(app: "App", flow: JobFlow) -> None:
    before, seen = flow.next_due_at, {"treated_until": flow.treated_until, "version": flow.version}
    if not records.compare_and_set(flow, seen, next_due_of(app, flow, flow.treated_until)):
        return  # it is looked at again by this job, or was rescheduled
    if flow.next_due_at != before:
        after = flow.next_due_at
        look_at(after)
        told = {"timezone": flow.timezone, "before_at": to_text(before), "after_at": after and to_text(after)}
        emit("job_flows.rescheduled", flow, data=told)
