"""Job flows: schedules and triggers that start runs, with a record of each start."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from aasim_core import App, Event, Job, Listener, OrganizationSetting, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Text, Word

from . import api
from . import listeners as own_listeners
from .backfills.api import Backfills
from .firings import event_triggers, retention
from .hooks.inbound import Inbound
from .jobs import jobs_of
from .models import BY_EVENT, BY_HOOK, ONLY, STATUS_REASONS, STATUSES, Backfill, Firing, JobFlow
from .settings import JobFlowSettings
from .trying.api import Trying

plugin = Plugin(
    "Job flows",
    "Starts agents and workflows automatically, exactly once per due time, and records the results.",
    requires=("executions",),
    uses=("branches", "dashboard"),
)


@hookimpl
def config_schema() -> type[JobFlowSettings]:
    """The section [job_flows]."""
    return JobFlowSettings


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The flow, its firings, and backfills."""
    return JobFlow, Firing, Backfill


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about job flows."""
    return (
        Permission("job_flows:read", "See job flows and what became of them", roles=("builder", "operator", "viewer", "auditor")),
        Permission("job_flows:create", "Create job flows that start what one may run", roles=("builder",)),
        Permission("job_flows:update", "Change, pause and activate job flows", roles=("builder", "operator")),
        Permission("job_flows:delete", "Delete job flows", dangerous=True, roles=("builder",)),
        Permission("job_flows:trigger", "Start job flows by hand", roles=("builder", "operator")),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """Events of job flows; the start of a run is the run's own event."""
    reason = {"reason": Choice(*STATUS_REASONS, required=True, description="by_hand; or why by itself.")}
    triggered = {
        "execution_id": Id("exec", required=True),
        "is_forced": Boolean(required=True, description="Whether it was wanted although the flow is not active."),
    }
    refused = {
        "due_at": Instant(required=True),
        "code": Word(required=True, description="Of the error.", example="permission_denied"),
        "explanation": Text(max_length=500, multiline=True, required=True, description="Why, in a sentence for people."),
    }
    missed = {
        "count": Integer(1, required=True, description="How many due times."),
        "first_due_at": Instant(required=True),
        "last_due_at": Instant(required=True),
    }
    rescheduled = {
        "timezone": Text(required=True, description="Whose rules have changed.", example="Europe/Berlin"),
        "before_at": Instant(required=True, description="When it would have been due next."),
        "after_at": Instant(required=True, allow_none=True, description="When it is."),
    }
    overdue = {
        "expected_at": Instant(required=True, description="Until when a run was to succeed."),
        "status": Choice(*STATUSES, required=True, description="Of the flow."),
    }
    return (
        Event("job_flows.overdue", "No run of a job flow has succeeded in time", "flow", overdue),
        Event("job_flows.token_rotated", "A job flow has another address", "flow"),
        *_of_what_comes(),
        *_of_backfills(),
        Event("job_flows.created", "A job flow was created", "flow"),
        Event("job_flows.updated", "A job flow was changed", "flow"),
        Event("job_flows.deleted", "A job flow was deleted", "flow"),
        Event("job_flows.activated", "A job flow starts something again", "flow", reason),
        Event("job_flows.paused", "A job flow was paused", "flow", reason),
        Event("job_flows.disabled", "A job flow was disabled", "flow", reason),
        Event("job_flows.triggered", "Somebody started a job flow by hand", "flow", triggered),
        Event("job_flows.refused", "What a job flow starts could not be started", "flow", refused),
        Event("job_flows.missed", "Due times of a job flow were missed, and not made up for", "flow", missed),
        Event("job_flows.rescheduled", "A job flow is due at another time, by a new time zone database", "flow", rescheduled),
    )


def _of_what_comes() -> Sequence[Event]:
    """Events and requests that were not started, and that are started again."""
    skipped = {
        "firing_id": Id("firing", required=True),
        "origin": Choice(BY_EVENT, BY_HOOK, required=True),
        "reason": Word(required=True, description="Why nothing was started.", example="overlap"),
    }
    again = {
        "count": Integer(1, required=True, description="How many starts."),
        "firing_id": Id("firing", required=True, allow_none=True, description="Of the only one."),
    }
    return (
        Event("job_flows.skipped", "What came for a job flow with an event or a request was not started", "flow", skipped),
        Event("job_flows.start_requested", "Somebody had what came for a job flow started again", "flow", again),
    )


def _of_backfills() -> Sequence[Event]:
    """What happens to starts for due times of the past."""
    wanted = {
        "since_at": Instant(required=True),
        "until_at": Instant(required=True),
        "only": Choice(*ONLY, required=True),
        "count": Integer(1, required=True, description="How many runs."),
        "backfill_id": Id("backfill", required=True),
    }
    backfilled = {
        "backfill_id": Id("backfill", required=True),
        "count": Integer(1, required=True, description="How many runs."),
        "refused": Integer(0, required=True, description="How many could not be started."),
    }
    return (
        Event("job_flows.backfill_requested", "Somebody had due times of the past started", "flow", wanted),
        Event("job_flows.backfilled", "The due times that somebody asked for have been started", "flow", backfilled),
    )


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """How runs that flows have started end, and every event, where a flow is for it."""
    note_run = own_listeners.note_run(app)
    return (
        *(Listener(f"executions.{end}", note_run, "before_commit") for end in own_listeners.ENDS),
        Listener("*", partial(event_triggers.fan_out, app), wanted=event_triggers.is_wanted(app)),
    )


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """Jobs that find due times, start them, and delete expired firings."""
    return jobs_of(app)


@hookimpl
def organization_settings(app: App) -> Sequence[OrganizationSetting]:
    """The retention of firings."""
    return retention.SETTINGS


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /job-flows."""
    return api.JobFlows(app), api.Firings(app), api.Starting(app), Backfills(app), Trying(app), Inbound(app)


@hookimpl(optionalhook=True)
def dashboard_cards(app: App) -> Sequence[Any]:
    """Job flows, and those that fail."""
    from . import with_dashboard

    return (with_dashboard.CARD,)
