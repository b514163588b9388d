"""The endpoints that simulate schedules; nothing is stored."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from aasim_core import Request, Resource, Response, operation
from aasim_core.clock import to_text
from aasim_core.data.records import database_of
from aasim_core.errors import Invalid, Problem, Refused

from .. import checking, service
from ..api import JobFlows
from ..firings.overlapping import rule_of
from ..kernel.schedules import jitter
from ..models import ACTIVE, JobFlow
from ..scheduling.rules import openings_for, rules_of, schedule_of
from . import schemas, simulating

_LONGEST = timedelta(days=366)
_MOST_SHOWN = 2_000


class Trying(Resource):
    """Simulations of schedules."""

    paths: ClassVar[Mapping[str, str]] = {"preview": "/job-flows/preview", "simulate": "/job-flows/simulate"}
    noun = "job flows"
    preview_body, preview_reply = schemas.PreviewIn(), schemas.PreviewOut()
    simulate_body, simulate_reply = schemas.SimulateIn(), schemas.SimulationOut()

    def __init__(self, app: Any) -> None:
        self.app = app
        self._flows = JobFlows(app)

    @operation("read", body="preview_body", reply="preview_reply", reach="common", message="Due times computed.")
    def on_post_preview(self, req: Request, resp: Response) -> None:
        """List the due times of a schedule.

        They include the effects of clock changes and the calendar. Nothing is stored.
        """
        at = database_of(JobFlow).time()
        values = {name: req.body[name] for name in ("starts_at", "ends_at")}
        values["trigger"] = checking.checked_trigger(self.app, req.body["trigger"], at)
        values["calendar"] = checking.checked_calendar(req.body["calendar"], req.rights)
        schedule = schedule_of({**values, "created_at": at}, openings_for(self.app, [values["calendar"]]))
        timezone = values["trigger"].get("timezone", "UTC")
        resp.media = {"due_times": service.preview(schedule, timezone, req.body["after_at"] or at, req.body["count"])}

    @operation("read", body="simulate_body", reply="simulate_reply", reach="rows", message="Firings simulated.")
    def on_post_simulate(self, req: Request, resp: Response) -> None:
        """Simulate a schedule, given outages of workers and the duration of runs.

        Nothing is stored.
        """
        since, until = req.body["since_at"], req.body["until_at"]
        if not since < until <= since + _LONGEST:
            raise Invalid({"until_at": [Problem("out_of_range", "Write a time after since_at, at most 366 days later.")]})
        flow = self._flow_in(req, since)
        outages = [simulating.Outage(each["since_at"], each["until_at"]) for each in req.body["outages"]]
        try:
            found = simulating.planned_between(rules_of(self.app, flow), since, until, outages)
        except simulating.TooMany:
            raise _too_many(simulating.MOST) from None
        delay = partial(_delay, flow)
        rows = simulating.simulate(found, rule_of(flow.overlap), timedelta(seconds=req.body["run_seconds"]), delay)
        if len(rows) > _MOST_SHOWN:
            raise _too_many(_MOST_SHOWN)
        resp.media = {"firings": [_shown(row) for row in rows]}

    def _flow_in(self, req: Request, since: datetime) -> JobFlow:
        """Return the flow that the body names, or one with its schedule; it is active in either case."""
        if "flow_id" in req.body:
            try:
                flow: JobFlow = self._flows.find(req, flow_id=req.body["flow_id"])
                allowed = self._flows.allows(req, "job_flows:read", flow)
            except Refused:
                allowed = False
            if not allowed:
                raise Invalid({"flow_id": [Problem("invalid_reference", "There is no such job flow.")]})
            return JobFlow(**{**flow.__data__, "status": ACTIVE})
        try:
            return self._unwritten(req, since)
        except Invalid as invalid:
            raise invalid.below("schedule") from invalid

    def _unwritten(self, req: Request, since: datetime) -> JobFlow:
        values = dict(req.body["schedule"])
        values["trigger"] = checking.checked_trigger(self.app, values["trigger"], since)
        values["calendar"] = checking.checked_calendar(values["calendar"], req.rights)
        return JobFlow(created_at=since, **values)


def _delay(flow: JobFlow, at: datetime) -> timedelta:
    return jitter(flow.id, at, flow.jitter_seconds)


def _shown(row: simulating.Simulated) -> dict[str, Any]:
    one = row.planned
    return {
        "due_at": to_text(one.at),
        "outcome": "started" if one.outcome == "start" else one.outcome,
        "reason": one.reason,
        "marks": list(one.marks),
        "count": one.count,
        "last_due_at": one.last_at and to_text(one.last_at),
        "begins_at": row.begins_at and to_text(row.begins_at),
        "ends_at": row.ends_at and to_text(row.ends_at),
        "is_cancelled": row.is_cancelled,
    }


def _too_many(most: int) -> Invalid:
    return Invalid({"until_at": [Problem("out_of_range", f"More than {most} firings would come about; write an earlier time.")]})
