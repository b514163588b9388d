"""Agents: a prompt, an engine, tools and limits, in versions, and their runs."""

from collections.abc import Sequence

from aasim_core import App, Event, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.resources import haltable

from ..executions.hookspecs import Runner, Startable, ToolSource
from . import agents_as_tools, api, executions_api, startable
from .models import Agent, AgentVersion
from .running import runner

plugin = Plugin("Agents", "Agents with versions, copies, export and import.", requires=("engines", "executions"))


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The agent and its versions."""
    return Agent, AgentVersion


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about agents."""
    return (
        Permission(
            "agents:read", "See agents and their versions", roles=("builder", "operator", "approver", "viewer", "auditor")
        ),
        Permission("agents:create", "Create, clone and import agents", roles=("builder",)),
        Permission("agents:update", "Change agents and restore versions", roles=("builder",)),
        Permission("agents:execute", "Run agents", roles=("builder", "operator")),
        Permission("agents:halt", "Stop all runs of an agent, and resume them", roles=("builder", "operator")),
        Permission("agents:delete", "Delete agents", dangerous=True, roles=("builder",)),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to agents."""
    return (
        Event("agents.created", "An agent was created, cloned or imported", "agent"),
        Event("agents.updated", "An agent was changed", "agent"),
        Event("agents.deleted", "An agent was deleted", "agent"),
        *haltable.events_of("agents", "agent", "An agent"),
    )


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /agents."""
    return api.Agents(app), api.Versions(app), api.OldAgents(app), executions_api.AgentExecutions(app)


@hookimpl
def runners(app: App) -> Sequence[Runner]:
    """Agents run as executions."""
    return (runner.agent_runner(app),)


@hookimpl
def startables(app: App) -> Sequence[Startable]:
    """Workflows and schedules can run agents."""
    return (startable.agent_startable(app),)


@hookimpl
def tools(app: App) -> Sequence[ToolSource]:
    """Agents can call each other."""
    return (agents_as_tools.agent_source(app),)
