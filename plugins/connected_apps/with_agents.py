"""The agents that use connected apps, if the plugin agents is enabled."""

from collections.abc import Mapping, Sequence
from typing import Any

from peewee import SQL, NodeList, Value

from aasim_core.access.rights import Rights

from ..agents import service as agents
from ..agents.models import Agent
from .with_executions import KIND

_PREFIX = f"{KIND}:"
#: How many are listed of one app.
_MOST_SHOWN = 20


def used_by(app_ids: Sequence[str], rights: Rights, user_id: str) -> Mapping[str, list[dict[str, str]]]:
    """Those users of the apps that this user sees, as ``{type, id, label, field}``, at most twenty of each app."""
    return {
        app_id: [
            {"type": "agent", "id": agent.id, "label": agent.name, "field": "tools"}
            for agent in users
            if agents.may_read(rights, agent, user_id)
        ][:_MOST_SHOWN]
        for app_id, users in _users(app_ids).items()
    }


def used_by_count(app_ids: Sequence[str]) -> Mapping[str, int]:
    """Return how many agents use each app, visible to the caller or not."""
    return {app_id: len(users) for app_id, users in _users(app_ids).items()}


def _users(app_ids: Sequence[str]) -> Mapping[str, list[Agent]]:
    """The agents that have operations of the apps among their tools."""
    found: dict[str, list[Agent]] = {app_id: [] for app_id in app_ids}
    for agent in _agents_with_apps():
        for app_id in {_app_of(tool["ref"]) for tool in agent.tools} & found.keys():
            found[app_id].append(agent)
    return found


def _agents_with_apps() -> Any:
    # The column is JSON text, in which a reference stands in quotes.
    of_apps = NodeList((Agent.tools, SQL("LIKE"), Value(f'%"{_PREFIX}capp!_%', converter=False), SQL("ESCAPE '!'")))
    needed = (Agent.id, Agent.name, Agent.tools, Agent.visibility, Agent.owner_id, Agent.project_id)
    return Agent.select(*needed).where(Agent.deleted_at.is_null(), of_apps).order_by(Agent.id)


def _app_of(ref: str) -> str:
    return ref.removeprefix(_PREFIX).partition("/")[0] if ref.startswith(_PREFIX) else ""
