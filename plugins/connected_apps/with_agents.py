"""Agents use connected apps' operations as tools, where the plugin agents is on."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from peewee import SQL, NodeList, Value

from aasim_core.access.rights import Rights
from aasim_core.slugs import slug_of

from ..agents import service as agents
from ..agents.hookspecs import Effect, Tool, ToolError, ToolLater, ToolSource, ToolUse
from ..agents.models import Agent
from . import service
from .connecting import AppError

if TYPE_CHECKING:
    from aasim_core.app import App

_KIND = "app"
_PREFIX = f"{_KIND}:"
#: How many are listed of one app.
_MOST_SHOWN = 20
#: When a run looks again whether somebody has connected the app anew.
_LOOK_AGAIN_SECONDS = 30.0


def app_source(app: "App") -> ToolSource:
    """The tools ``app:<id of a connected app>/<operation>``."""
    return ToolSource(_KIND, _tool, lambda use: _call(app, use))


def _tool(rest: str) -> Tool | None:
    app_id, _, name = rest.partition("/")
    row = service.find_or_none(app_id)
    operation = service.find_operation(app_id, name) if row is not None else None
    if row is None or operation is None:
        return None

    def allowed(rights: Rights, user_id: str) -> bool:
        return service.may_use(rights, row, user_id)

    return Tool(
        _name(row.name, name),
        operation.description or f"{name} of {row.name}.",
        operation.parameters,
        allowed,
        effect=cast("Effect", operation.effect),
        idempotent=operation.idempotent,
    )


def _name(app_name: str, operation: str) -> str:
    """What models call it by: the app's name stands in it, so that two apps can offer operations of one name."""
    own = re.sub(r"[^A-Za-z0-9_-]", "_", operation)[:40]
    return f"{slug_of(app_name, 'app')[: 63 - len(own)]}_{own}"


def _call(app: "App", use: ToolUse) -> Any:
    app_id, _, name = use.rest.partition("/")
    try:
        return service.call_operation(
            app,
            app_id,
            name,
            use.arguments,
            idempotency_key=use.idempotency_key,
            execution_id=use.execution_id,
            step=str(use.step),
            seconds_left=use.seconds_left,
            should_stop=use.should_cancel,
        )
    except AppError as error:
        if error.code == "not_connected" and service.needs_a_person(app_id):
            raise ToolLater(f"{error.message[:1].upper()}{error.message[1:]}.", seconds=_LOOK_AGAIN_SECONDS) from error
        raise ToolError(f"{error.message[:1].upper()}{error.message[1:]}.", unknown=error.unknown) from error


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
    """How many agents use each app, whoever sees them."""
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
