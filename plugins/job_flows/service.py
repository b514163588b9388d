"""Operations on job flows: create, change, pause, delete, and start by hand."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from aasim_core import emit
from aasim_core.clock import to_text
from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.data.records import database_of
from aasim_core.errors import Refused
from aasim_core.ids import new_id
from aasim_core.jobs.queue import enqueue
from aasim_core.secrets import Secret
from aasim_core.tenancy import epoch

from .checking import shortest_interval
from .firings.overlapping import admission_of
from .firings.starting import filled_input, start_run
from .hooks.inbound import digest_of, new_token
from .kernel.schedules import Schedule
from .models import ACTIVE, BY_HAND, BY_PERSON, DISABLED, EVENT, HANDED_OVER, STARTED, WEBHOOK, Backfill, Firing, JobFlow
from .progress.deadlines import begin_anew
from .scheduling.due_times import look_at, next_due_of, treat_all

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal

    from ..executions.models import Execution

__all__ = ["shortest_interval"]

#: The job that forgets the firings of a flow that is gone.
CLEAR = "job_flows.clear"
#: What decides when a flow is due.
_TIMING = frozenset(("trigger", "calendar", "misfire", "jitter_seconds", "starts_at", "ends_at"))
_MOST_SHOWN, _MOST_RUNS = 1_000, 5
_FAR_AWAY = timedelta(days=3_660)


def create(app: "App", values: Mapping[str, Any], at: datetime) -> tuple[JobFlow, str | None]:
    """Write a new flow, which is due from the moment on; returns it with the token of its address, if it has one. Needs a transaction."""
    epoch.bump(current_organization())
    flow = JobFlow(id=new_id("flow"), treated_until=at, **{name: value for name, value in values.items() if name != "secret"})
    token = new_token() if flow.trigger["type"] == WEBHOOK else None
    _set(flow, _columns(app, flow, values) | begin_anew(flow.expect_within_seconds, flow.status, at))
    flow.hook_digest = token and digest_of(token)
    _set(flow, next_due_of(app, flow, at))
    look_at(flow.next_due_at)
    records.insert(flow)
    emit("job_flows.created", flow)
    return flow, token


def _set(flow: JobFlow, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(flow, name, value)


def _columns(app: "App", flow: JobFlow, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as columns: with what they mean for events and requests, and the secret sealed."""
    columns = {name: value for name, value in values.items() if name != "secret"}
    if "trigger" in values:
        columns["listens_to"] = values["trigger"].get("pattern")
        if values["trigger"].get("verification", {}).get("scheme") in (None, "none"):
            columns["secret"] = None
        if values["trigger"]["type"] != WEBHOOK:
            columns["hook_digest"] = None
    if values.get("secret") is not None:
        place = JobFlow.secret.place(flow.id, flow.organization_id)
        columns["secret"] = app.keyring.seal(Secret(values["secret"]), place)
    return columns


def change(app: "App", flow: JobFlow, values: Mapping[str, Any], at: datetime) -> None:
    """Write what differs. What has come due by then is treated as the flow was, and nothing is due again. Needs a transaction."""
    if EVENT in (flow.trigger["type"], values.get("trigger", flow.trigger)["type"]):
        epoch.bump(current_organization())
    columns, timing = _columns(app, flow, values), dict[str, Any]()
    if any(name in values and values[name] != getattr(flow, name) for name in _TIMING):
        treat_all(app, flow, at)
        timing = next_due_of(app, JobFlow(**{**flow.__data__, **columns}), max(at, flow.treated_until))
        look_at(timing["next_due_at"])
    within = values.get("expect_within_seconds", flow.expect_within_seconds)
    if within != flow.expect_within_seconds:
        timing |= begin_anew(within, flow.status, at)
    changed = records.change(flow, {**columns, **timing})
    if told := {name: each for name, each in changed.items() if name not in timing}:
        emit("job_flows.updated", flow, changes=told, secret_fields=("secret", "hook_digest"))


def switch(app: "App", flow: JobFlow, status: str, at: datetime, owner: Mapping[str, Any]) -> None:
    """Activate or deactivate the flow, and make the `owner`, if columns are given, its owner; activation resets its count of failures.

    Needs a transaction.
    """
    if status == flow.status:
        return
    treat_all(app, flow, at)
    timing: dict[str, Any] = {"streak": 0} if status == ACTIVE else {}
    if DISABLED in (status, flow.status):
        timing |= next_due_of(app, JobFlow(**{**flow.__data__, "status": status}), max(at, flow.treated_until))
        timing |= begin_anew(flow.expect_within_seconds, status, at)
        look_at(timing["next_due_at"])
    is_left = flow.status_reason == HANDED_OVER and not owner
    flow.write_status(status, HANDED_OVER if is_left else BY_HAND, **timing, **owner)


def rotate_token(flow: JobFlow, owner: Mapping[str, Any]) -> str:
    """Give the flow another address, in the place of the one that it has, and these columns; returns its token. Needs a transaction."""
    if flow.trigger["type"] != WEBHOOK:
        raise Refused("invalid_state", "Only a trigger of the type webhook has an address.", meta={"type": flow.trigger["type"]})
    token = new_token()
    changed = records.change(flow, {"hook_digest": digest_of(token), **owner})
    emit("job_flows.token_rotated", flow, changes=changed, secret_fields=("hook_digest",))
    return token


def remove(flow: JobFlow) -> None:
    """Delete the flow; running runs continue, and its firings are deleted in the background. Needs a transaction."""
    epoch.bump(current_organization())
    records.remove(flow)
    Backfill.delete().where(Backfill.flow_id == flow.id).execute()
    enqueue(CLEAR, {"flow_id": flow.id})
    emit("job_flows.deleted", flow)


def start_now(app: "App", flow: JobFlow, principal: "Principal", body: Mapping[str, Any]) -> "Execution":
    """Start what the flow starts for the principal, with their rights. Needs a transaction."""
    if flow.status != ACTIVE and not body["force"]:
        message = f"The job flow is {flow.status}; write force to start it all the same, or set its status to active first."
        raise Refused("invalid_state", message, meta={"status": flow.status})
    at = database_of(JobFlow).time()
    firing = Firing(id=new_id("firing"), flow_id=flow.id, origin=BY_PERSON, due_at=at, starts_at=at, outcome=STARTED)
    given = body["input"] if "input" in body else filled_input(flow, at)
    admission = None if body["force"] else admission_of(flow, BY_PERSON)
    execution = start_run(app, flow, principal, given, firing, admission=admission, labels=body["labels"])
    firing.key, firing.execution_id, firing.lateness_ms = firing.id, execution.id, 0
    records.insert(firing)
    emit("job_flows.triggered", flow, data={"execution_id": execution.id, "is_forced": body["force"]})
    return execution


def preview(schedule: Schedule, timezone: str, after: datetime, count: int) -> list[dict[str, Any]]:
    """Return the next starts, up to this number, with the skipped due times in between."""
    zone, found = ZoneInfo(timezone), list[dict[str, Any]]()
    for due in islice(schedule.due_times(after), _MOST_SHOWN):
        local = due.at.astimezone(zone).isoformat("T", "seconds")
        found.append({"due_at": to_text(due.at), "local_time": local, "marks": list(due.marks), "skipped": due.skip})
        count -= due.skip is None
        if not count:
            break
    return found


def next_runs(schedule: Schedule, status: str, after: datetime) -> list[str]:
    """The next times at which something starts, five at most, none of them further away than ten years."""
    if status != ACTIVE:
        return []
    ahead = takewhile(lambda due: due.at < after + _FAR_AWAY, islice(schedule.due_times(after), _MOST_SHOWN))
    return [to_text(due.at) for due in islice((due for due in ahead if due.skip is None), _MOST_RUNS)]
