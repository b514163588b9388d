"""The endpoints of job flows."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aasim_core import Collection, Request, Response, operation
from aasim_core.data.records import database_of
from aasim_core.errors import Invalid
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Derived, ObjectOf
from aasim_core.resources.collection import Parent
from aasim_core.schemas.fields import Id, Word
from aasim_core.schemas.schema import load

from ..executions.resources import ExecutionResource, accepted
from ..executions.service import refuse_unheard
from . import checking, schemas, service
from .firings import starting_again
from .hooks.inbound import path_of
from .models import ACTIVE, BRING_INPUT, EVENT, HANDED_OVER, Firing, JobFlow
from .progress import stats
from .scheduling.upcoming import NextRuns
from .timing_schemas import TriggerIn

_TARGET = ObjectOf({"type": "target_type", "id": "target_id", "version": "target_version", "label": "target_label"})


class JobFlows(Collection):
    """Job flows: when to start runs of what."""

    record = JobFlow
    events = "job_flows"
    node_field = "project_id"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/job-flows",
        "one": "/job-flows/{flow_id}",
        "status": "/job-flows/{flow_id}/status",
        "stats": "/job-flows/{flow_id}/stats",
        "rotate_token": "/job-flows/{flow_id}/rotate-token",
    }
    body, reply = schemas.JobFlowIn(), schemas.JobFlowOut()
    shown_reply = schemas.NewJobFlowOut()
    status_body = schemas.StatusIn()
    stats_query, stats_reply = schemas.StatsQuery(), schemas.StatsOut()
    unique = ("name",)
    query = ListQuery(
        schemas.JobFlowOut(),
        filters=("name", "status", "status_reason", "project_id", "owner_id", "created_at", "updated_at"),
        columns={
            "target_type": Word(1, 40, description="The type of object that it starts, such as agent."),
            "target_id": Id(description="The id of that object."),
        },
        sorts=("created_at", "updated_at", "name"),
        search=("name", "description"),
    )

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.derived: Mapping[str, Derived] = {"target": _TARGET, "next_runs": NextRuns(app)}  # type: ignore[misc]

    def merged(self, record: JobFlow, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values of a PATCH; a trigger of another type or scheme replaces the stored one as a whole."""
        trigger = values.get("trigger")
        if not isinstance(trigger, dict) or (whole := _whole_trigger(trigger, record.trigger)) is None:
            return super().merged(record, values)
        rest = {name: value for name, value in values.items() if name != "trigger"}
        try:
            return {**super().merged(record, rest), "trigger": load(TriggerIn(), whole)}
        except Invalid as invalid:
            raise invalid.below("trigger") from invalid

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """Return the values to store; Invalid for a trigger that never fires, or a target that the caller may not start."""
        at = database_of(JobFlow).time()
        req.rights.require_project(values.get("project_id"))
        if "overlap" in values:
            kind = (values.get("trigger") or record.trigger)["type"]
            values = {**values, "overlap": checking.checked_overlap(values["overlap"], kind)}
        values = self._with_schedule(req, values, record, at)
        return self._with_target(req, values, record)

    def _with_schedule(self, req: Request, values: dict[str, Any], record: Any, at: Any) -> dict[str, Any]:
        before = {} if record is None else record.__data__
        if "trigger" in values:
            values = {**values, **self._with_secret(values["trigger"], record, at)}
        if "calendar" in values:
            values = {**values, "calendar": checking.checked_calendar(values["calendar"], req.rights)}
        timing = {name: values.get(name, before.get(name)) for name in ("trigger", "calendar", "starts_at", "ends_at")}
        if any(timing[name] != before.get(name) for name in timing):
            checking.refuse_never(self.app, {**timing, "created_at": before.get("created_at") or at}, at)
        return values

    def _with_secret(self, trigger: Mapping[str, Any], record: Any, at: Any) -> dict[str, Any]:
        """Return the trigger to store, and the secret in it."""
        verification = dict(trigger.get("verification") or {})
        secret = verification.pop("secret", None)
        if verification:
            trigger = {**trigger, "verification": verification}
        kept = checking.checked_trigger(self.app, trigger, at, None if record is None else record.trigger)
        if not verification:
            return {"trigger": kept}
        is_kept = record is not None and record.secret is not None
        return {"trigger": kept, "secret": checking.checked_secret(kept, secret, is_kept=is_kept)}

    def _with_target(self, req: Request, values: dict[str, Any], record: Any) -> dict[str, Any]:
        """The runs have the rights of the last author of what is started, of its input, or of a trigger that brings input."""
        before: dict[str, Any] = dict.fromkeys(("target", "input", "trigger"))
        if record is not None:
            before = {name: getattr(record, name) for name in before}
        target, given, trigger = (values.get(name, before[name]) for name in before)
        values = {name: value for name, value in values.items() if name != "target"}
        schema, owner = None, dict[str, Any]()
        brings_input = trigger["type"] in BRING_INPUT and (trigger != before["trigger"] or values.get("secret") is not None)
        if brings_input or target != before["target"] or given != before["input"]:
            schema, owner = self._owned(req, target)
        if trigger["type"] == EVENT and (owner or trigger != before["trigger"]):
            refuse_unheard(self.app, req.rights, trigger["pattern"])
        if owner or trigger != before["trigger"]:
            checking.refuse_bad_input(given, trigger["type"], schema)
        return {**values, **owner}

    def _owned(self, req: Request, target: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return the input's schema, and the columns that make the caller the owner; Invalid if they may not start the target."""
        found = checking.found_target(self.app, target, req.principal)
        owner = {"owner_id": req.principal.user_id, "api_key_id": req.principal.api_key_id}
        started = {f"target_{name}": value for name, value in target.items()}
        return found.input_schema, {**owner, **started, "target_label": found.label}

    @operation("create", body="body", reply="shown_reply", status=201, reach="place", message="{singular} created.")
    def on_post(self, req: Request, resp: Response, **ids: str) -> None:
        """Create a {singular}.

        For a trigger of the type webhook the response shows its address, and no later response will.
        """
        values = self.check(req, req.body)
        place = self.place(values)
        req.rights.require_at(self.permission_for("create"), place)
        self.app.rights.refuse_archived(req.principal, place)
        flow, token = service.create(self.app, values, database_of(JobFlow).time())
        resp.location = self.location(flow)
        resp.media = {**self.plan.item(flow), "hook_path": token and path_of(token)}

    @operation("update", reply="shown_reply", message="{singular} has a new address.", refusals=("invalid_state",))
    def on_post_rotate_token(self, req: Request, resp: Response, flow_id: str) -> None:
        """Replace the address of a {singular}.

        It is shown only in this response; requests to the previous one are refused. The holder of an address says what the runs are
        given; so the caller becomes the owner, and must be allowed to start the target.
        """
        _, owner = self._owned(req, req.target.target)
        token = service.rotate_token(req.target, owner)
        resp.media = {**self.plan.item(req.target), "hook_path": path_of(token)}

    def change(self, req: Request, record: JobFlow, values: dict[str, Any]) -> JobFlow:
        """Write changed values; due times before now are handled by the previous ones."""
        service.change(self.app, record, values, database_of(JobFlow).time())
        return record

    def remove(self, req: Request, record: JobFlow) -> None:
        """Delete the flow with its firings."""
        service.remove(record)

    @operation("update", body="status_body", reply="reply", message="{singular} switched.")
    def on_put_status(self, req: Request, resp: Response, flow_id: str) -> None:
        """Activate, pause or disable a {singular}.

        Activating it resets its count of failures. One who activates a {singular} that was handed over becomes its owner, and must be
        allowed to start the target.
        """
        flow = req.target
        status = req.body["status"]
        owner = self._owned(req, flow.target)[1] if (status, flow.status_reason) == (ACTIVE, HANDED_OVER) else {}
        service.switch(self.app, flow, status, database_of(JobFlow).time(), owner)
        resp.media = self.present(req.target)

    @operation("read", query="stats_query", reply="stats_reply", message="Statistics read.")
    def on_get_stats(self, req: Request, resp: Response, flow_id: str) -> None:
        """Read the health of a {singular}.

        It covers runs, skipped due times with reasons, delays and costs.
        """
        resp.media = stats.stats_of(req.target, req.query.get("since_at"))


def _whole_trigger(patch: Mapping[str, Any], kept: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the trigger that a patch replaces as a whole; None where it changes fields of the stored one."""
    if patch.get("type", kept["type"]) != kept["type"]:
        return patch
    before, after = (each.get("verification") or {} for each in (kept, patch))
    if after.get("scheme", before.get("scheme")) != before.get("scheme"):
        return {**kept, **patch}
    return None


class Firings(Collection):
    """The firings of a job flow."""

    record = Firing
    events = "job_flows"
    noun = "firings"
    parent = Parent(JobFlows, "flow_id")
    paths: ClassVar[Mapping[str, str]] = {
        "": "/job-flows/{flow_id}/executions",
        "one": "/job-flows/{flow_id}/executions/{firing_id}",
        "start": "/job-flows/{flow_id}/executions/{firing_id}/start",
        "start_many": "/job-flows/{flow_id}/executions/start",
    }
    reply, whole_reply = schemas.FiringOut(), schemas.WholeFiringOut()
    start_many_body, start_many_reply = schemas.StartAgainIn(), schemas.StartedAgainOut()
    query = ListQuery(
        schemas.FiringOut(),
        filters=("outcome", "reason", "origin", "due_at", "execution_id", "backfill_id"),
        sorts=("due_at",),
        default="-due_at",
    )
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List the firings of a job flow, the latest first: what was started, or why nothing was."}
    }

    @operation("read", reply="whole_reply", message="{singular} read.")
    def on_get_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Read a firing of a job flow, with what came with it."""
        is_shown = req.rights.allows_at("executions:read", req.parent.project_id)
        resp.media = {**self.plan.item(req.target), "payload": req.target.payload if is_shown else None}

    @operation("trigger", reply="reply", status=202, message="Start queued.", refusals=("invalid_state",))
    def on_post_start(self, req: Request, resp: Response, flow_id: str, firing_id: str) -> None:
        """Start again what came with an event or a request, and was skipped or refused.

        The run has what came then, and the rights of the flow's owner.
        """
        starting_again.start(req.parent, req.target)
        resp.location = self.location(req.target)
        resp.set_header("Retry-After", "1")
        resp.media = self.present(req.target)

    @operation(
        "trigger",
        body="start_many_body",
        reply="start_many_reply",
        verb="start_many",
        message="Starts queued.",
        refusals=("invalid_state",),
    )
    def on_post_start_many(self, req: Request, resp: Response, flow_id: str) -> None:
        """Start again what came with events and requests, and was skipped or refused, the oldest first.

        With dry_run, only count it.
        """
        resp.media = starting_again.start_many(req.target, req.body)
        resp.message = "Nothing was started: this is how many starts would be queued." if req.body["dry_run"] else None


class Starting(ExecutionResource):
    """Starts a job flow's target manually."""

    paths: ClassVar[Mapping[str, str]] = {"trigger": "/job-flows/{flow_id}/trigger"}
    noun = "job flows"
    trigger_body = schemas.TriggerNowIn()

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self._flows = JobFlows(app)

    @property
    def refusals_of_start(self) -> Sequence[str]:
        """The error codes of starting, whatever the target."""
        of_runners = (code for runner in self.app.offers("runners").values() for code in runner.refusals)
        return tuple(dict.fromkeys(("invalid_state", "queue_full", "too_many_at_once", "permission_denied", *of_runners)))

    def find(self, req: Request, **ids: str) -> Any:
        """The flow."""
        return self._flows.find(req, **ids)

    def node_of(self, target: Any) -> str | None:
        """The flow's project."""
        return self._flows.node_of(target)

    @operation(
        "trigger",
        body="trigger_body",
        reply="reply",
        status=202,
        also=(200,),
        waits=True,
        message="Execution queued.",
        refusals="refusals_of_start",
    )
    def on_post_trigger(self, req: Request, resp: Response, flow_id: str) -> None:
        """Start a job flow's target now, with your own rights.

        It also needs the permission to run the target.
        """
        accepted(self, req, resp, service.start_now(self.app, req.target, req.principal, req.body))
