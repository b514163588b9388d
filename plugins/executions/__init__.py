"""Executions: durable runs of agents and of whatever other plugins run."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aasim_core import App, Event, Job, Listener, OrganizationSetting, Permission, Plugin, Resource, Retry, Row, hookimpl

from . import agent_runner, agent_tool, api, demonstration, ending, loop, retention, schemas, service
from . import listeners as own_listeners
from .models import Execution, LogEntry, Step, ToolCall
from .settings import ExecutionSettings

if TYPE_CHECKING:
    from ..agents.hookspecs import ToolSource
    from .hookspecs import Runner

plugin = Plugin("Executions", "Durable runs, with states, steps, logs, cancel and retry.", requires=("agents", "engines"))


@hookimpl
def config_schema() -> type[ExecutionSettings]:
    """The section [executions]."""
    return ExecutionSettings


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The run, its steps, its tool calls, its log."""
    return Execution, Step, ToolCall, LogEntry


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about executions."""
    return (
        Permission(
            "executions:read", "See executions and their logs", roles=("builder", "operator", "approver", "viewer", "auditor")
        ),
        Permission("executions:cancel", "Cancel executions", roles=("builder", "operator")),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """The life of an execution."""
    told = {
        "kind": "What kind of thing runs.",
        "agent_id": "The agent, if one runs.",
        "workflow_id": "The workflow, if one runs.",
    }
    ended = told | {
        "input_tokens": "Tokens read.",
        "output_tokens": "Tokens written.",
        "cost": "Micro-units, if known.",
        "error": "Its code.",
        "parent_id": "The run that waits for it, if one does.",
    }
    cancelled = {"cancel_reason": "Why, if whoever cancelled it said so."}
    return (
        Event("executions.queued", "An execution was accepted", "exec", told),
        Event("executions.started", "An execution began to run", "exec", told),
        Event("executions.paused", "An execution waits for a person, a time or an event", "exec", told),
        Event("executions.cancelling", "An execution was asked to end", "exec", told | cancelled),
        Event("executions.succeeded", "An execution succeeded", "exec", ended),
        Event("executions.failed", "An execution failed", "exec", ended),
        Event("executions.cancelled", "An execution was cancelled", "exec", ended | cancelled),
        Event("executions.timed_out", "An execution used up its time", "exec", ended),
        Event(
            "executions.pruned",
            "Of old executions it was deleted what the organization keeps no longer",
            "organization",
            {
                "logs": "How many lost their log.",
                "payloads": "How many lost what they were given and answered.",
                "records": "How many are gone.",
            },
        ),
    )


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """A turn of an execution, and the end of one that does not stop by itself."""
    return (
        Job(
            loop.JOB,
            lambda context, payload: loop.take_turn(app, context, payload),
            retry=Retry(max_attempts=3),
            time_limit=86_400,
            halts=True,
            on_giving_up=lambda payload, reason, state: loop.give_up(payload["execution_id"], reason, state),
        ),
        Job("executions.enforce_cancel", lambda context, payload: service.enforce_cancel(payload["execution_id"])),
        Job("executions.prune", retention.prune(app), time_limit=600, schedule="41 * * * *"),
    )


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """A run that ends is wound up; one that called an agent goes on when the agent has answered."""
    wind_up = own_listeners.wind_up_what_ended(app)
    return (
        *(Listener(f"executions.{end}", wind_up, "before_commit") for end in ending.ENDS),
        Listener("executions.*", own_listeners.wake_the_caller, "before_commit"),
    )


@hookimpl
def organization_settings(app: App) -> Sequence[OrganizationSetting]:
    """How much of what was said is kept in the logs, and how long what is kept."""
    return (OrganizationSetting("log_level", schemas.LOG_LEVEL), *retention.SETTINGS)


@hookimpl
def runners(app: App) -> "Sequence[Runner]":
    """Agents are run here; other plugins bring their own kinds."""
    return (agent_runner.agent_runner(app),)


@hookimpl
def agent_tools(app: App) -> "Sequence[ToolSource]":
    """Agents can call each other."""
    return (agent_tool.agent_source(app),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /executions, and two under /agents."""
    return api.Executions(app), api.AgentExecutions(app)


@hookimpl
def demonstrate(app: App, say: Callable[[str], None]) -> bool:
    """The sample agent runs once."""
    return demonstration.run_sample(app, say)
