"""Executions: durable runs of objects of other plugins, such as agents."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from aasim_core import (
    App,
    ErrorCode,
    Event,
    Job,
    Listener,
    OrganizationSetting,
    Permission,
    Plugin,
    Resource,
    Retry,
    Row,
    hookimpl,
)
from aasim_core.schemas.fields import Id, Integer, ListOf, Strict, Text
from aasim_core.tenancy.organizations_with import organizations_with

from . import api, schemas, states, steering
from . import listeners as own_listeners
from .admission import queue_limit
from .lists.labels import LabelRow, Labels
from .log import fingerprints, retention
from .models import WITHOUT_FINGERPRINT, ArrivalRow, Execution, LogEntry, Step, ToolCall, WaitRow
from .settings import ExecutionSettings
from .shell import admit, arrivals, awaited_events, delivery, keys, stored_run
from .shell.slot_records import AdmissionRow, TicketRow
from .tools import tracing
from .turn import ending, loop

plugin = Plugin("Executions", "Durable runs, with states, steps, logs, cancel and retry.", uses=("dashboard", "metrics"))


@hookimpl
def config_schema() -> type[ExecutionSettings]:
    """The section [executions]."""
    return ExecutionSettings


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The run, its steps, its tool calls, what it waits for and what came for it, admissions, labels, its log."""
    return Execution, Step, ToolCall, WaitRow, ArrivalRow, AdmissionRow, TicketRow, LabelRow, LogEntry


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about executions."""
    return (
        Permission(
            "executions:read", "See executions and their logs", roles=("builder", "operator", "approver", "viewer", "auditor")
        ),
        Permission("executions:cancel", "Cancel executions", roles=("builder", "operator")),
        Permission("executions:pause", "Pause and resume executions", roles=("builder", "operator")),
        Permission("executions:signal", "Send signals to executions", roles=("builder", "operator")),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """The life of an execution."""
    told = {
        "kind": Text(required=True, description="What kind of thing runs.", example="agent"),
        "agent_id": Id("agent", description="The agent, if one runs."),
        "workflow_id": Id(description="The workflow, if one runs."),
    }
    whose = told | {
        "chain": ListOf(Text(), required=True, description="On whose behalf it acts, from the person to the run itself."),
        "labels": Labels(),
    }
    ended = whose | {
        "input_tokens": Integer(0, required=True, description="Tokens read."),
        "output_tokens": Integer(0, required=True, description="Tokens written."),
        "cost": Integer(0, description="Micro-units, if known, and in one currency."),
        "currency": Text(description="Of the cost.", example="USD"),
        "error": Text(description="Its code."),
        "parent_id": Id("exec", description="The run that waits for it, if one does."),
    }
    cancelled: dict[str, Strict] = {"cancel_reason": Text(max_length=500, description="The reason given for cancelling it.")}
    signalled = {
        "name": Text(required=True, description="What kind of signal it is.", example="paid"),
        "correlation": Text(required=True, description="What it is about.", example="order-7"),
    }
    missing: dict[str, Strict] = {
        "missing": Text(required=True, description="What has to be there before it continues.", example="plugin:engine_llm")
    }
    pruned = {
        "logs": Integer(0, required=True, description="How many lost their log."),
        "payloads": Integer(0, required=True, description="How many lost what they were given and answered."),
        "records": Integer(0, required=True, description="How many are gone."),
    }
    return (
        Event("executions.queued", "An execution was accepted", "execution", whose),
        Event("executions.started", "An execution began to run", "execution", told),
        Event("executions.waiting", "An execution waits for a person, a time, another execution or an event", "execution", told),
        Event("executions.blocked", "Something that an execution needs is missing", "execution", told | missing),
        Event("executions.paused", "An execution was paused", "execution", told),
        Event("executions.resumed", "A paused execution was resumed", "execution", told),
        Event("executions.signalled", "An execution was sent a signal", "execution", signalled),
        Event("executions.moved", "An execution was moved to another version of its workflow", "execution", told),
        Event("executions.cancelling", "An execution was asked to end", "execution", told | cancelled),
        Event("executions.succeeded", "An execution succeeded", "execution", ended),
        Event("executions.failed", "An execution failed", "execution", ended),
        Event("executions.cancelled", "An execution was cancelled", "execution", ended | cancelled),
        Event("executions.timed_out", "An execution used up its time", "execution", ended),
        Event("executions.pruned", "Data of old executions was deleted after its retention", "organization", pruned),
    )


@hookimpl
def error_codes(app: App) -> Sequence[ErrorCode]:
    """What is answered when too many wait."""
    return queue_limit.FULL, admit.TOO_MANY, steering.TOO_MANY_SIGNALS


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """A turn of an execution, and the jobs that continue one: a due time, or an arrival."""
    turn = Job(
        stored_run.TURN,
        lambda context, payload: loop.take_turn(app, context, payload),
        retry=Retry(max_attempts=3),
        time_limit=86_400,
        halts=True,
        parks=False,  # a run whose plugin is off is blocked, and says so
        on_giving_up=loop.give_up,
    )
    grace_seconds = app.settings.section("executions", ExecutionSettings).cancel_grace_seconds
    tick = Job(stored_run.TICK, lambda context, payload: delivery.tick(payload["execution_id"]))
    return (
        turn,
        tick,
        Job(arrivals.DELIVER, lambda context, payload: delivery.deliver(payload["execution_id"])),
        Job(keys.SETTLE, lambda context, payload: delivery.settle(**payload)),
        Job(
            "executions.settle_all",
            lambda context, payload: delivery.settle_all(),
            schedule="23 * * * *",
            per_organization=lambda: organizations_with(TicketRow),
        ),
        Job(keys.CANCEL, lambda context, payload: delivery.cancel(**payload, grace_seconds=grace_seconds)),
        Job(awaited_events.LOOK_BACK, lambda context, payload: awaited_events.look_back(app, **payload)),
        # The previous release uses the first two names, and its jobs may still wait.
        replace(turn, name="executions.run"),
        replace(tick, name="executions.enforce_cancel"),
        Job(
            "executions.fill_fingerprints",
            lambda context, payload: fingerprints.fill(context.should_stop),
            schedule="17 * * * *",
            per_organization=lambda: organizations_with(Execution, WITHOUT_FINGERPRINT),
        ),
        Job("executions.prune", retention.prune(app), time_limit=600, schedule="41 * * * *"),
    )


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """A run that ends without success is wound up; one that waits for an event gets it."""
    wind_up = own_listeners.wind_up_what_ended(app)
    return (
        *(Listener(f"executions.{end}", wind_up, "before_commit") for end in ending.ENDS),
        *(Listener(f"executions.{end}", tracing.tell_of_end(app), "before_commit") for end in sorted(states.TERMINAL)),
        Listener("*", partial(awaited_events.tell, app), wanted=awaited_events.is_any_awaited(app)),
    )


@hookimpl
def organization_settings(app: App) -> Sequence[OrganizationSetting]:
    """The content level of logs, and the retention of executions."""
    return (OrganizationSetting("log_level", schemas.LOG_LEVEL), *retention.SETTINGS)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /executions."""
    return api.Executions(app), api.ToolCalls(app)


@hookimpl(optionalhook=True)
def dashboard_cards(app: App) -> Sequence[Any]:
    """Runs."""
    from . import with_dashboard

    return (with_dashboard.CARD,)


@hookimpl(optionalhook=True)
def gauges(app: App) -> Sequence[Any]:
    """How many runs there are."""
    from . import with_metrics

    return (with_metrics.GAUGE,)
