"""Agents: a prompt, an engine, tools and limits, kept in versions."""

from collections.abc import Sequence

from aasim_core import App, Event, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.http import halting

from . import api, sample
from .models import Agent, AgentVersion

plugin = Plugin("Agents", "Agents with versions, copies, export and import.", requires=("engines",))


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
        Permission("agents:halt", "Stop all runs of an agent, and let them go on", roles=("builder", "operator")),
        Permission("agents:delete", "Delete agents", dangerous=True, roles=("builder",)),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to agents."""
    return (
        Event("agents.created", "An agent was created, cloned or imported", "agent"),
        Event("agents.updated", "An agent was changed", "agent"),
        Event("agents.deleted", "An agent was deleted", "agent"),
        *halting.events_of("agents", "agent", "An agent"),
    )


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /agents."""
    return api.Agents(app), api.AgentVersions(app)


@hookimpl
def prepare(app: App, report: object) -> None:
    """The sample agent of a new installation."""
    sample.ensure(app)
