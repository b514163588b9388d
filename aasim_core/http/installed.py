"""The plugins of this installation, and switching one off for an organization."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from ..access.permissions import Permission
from ..errors import Refused, not_found
from ..events.declarations import Event
from ..events.log import Subject, emit
from ..schemas.fields import Boolean, Choice, Json, ListOf, Object, Text
from ..schemas.schema import PaginationOut, Schema
from ..tenancy import feature_switches as features
from .operations import SELF, Resource, operation
from .request import Request, Response

if TYPE_CHECKING:
    from ..app import App

SWITCH = "core:switch_plugins"
PERMISSIONS = (Permission(SWITCH, "Switch plugins off and on for the organization", dangerous=True),)
_STATUSES = _ACTIVE, _DISABLED = ("active", "disabled")
_STATUS = Choice(*_STATUSES, required=True, description="What it is now.")
EVENTS = (Event("core.plugin_switched", "A plugin was switched off or on", "plugin", {"status": _STATUS}),)
_SHOWN = (
    "name", "title", "summary", "version", "origin", "state", "essential", "operators_only", "requires", "uses",
)  # fmt: skip


class PluginOut(Schema):
    """One plugin that was found, on or not."""

    name = Text(required=True)
    title = Text(required=True)
    summary = Text(required=True, example="What people and keys did, in a log that cannot be changed unnoticed.")
    version = Text(required=True, example="1.0.0")
    origin = Text(required=True, description="bundled, or the distribution that it came with.", example="bundled")
    state = Choice("on", "off", "broken", "blocked", "missing", required=True, description="In the installation.")
    status = Choice(*_STATUSES, required=True, description="active: the caller's organization has it.")
    essential = Boolean(required=True)
    operators_only = Boolean(required=True, description="Whether no organization can turn it off for itself.")
    requires = ListOf(Text(), required=True, example=["engines"])
    uses = ListOf(Text(), required=True, example=["rubrics"])
    provides = Json(object_only=True, required=True)


class PluginsOut(Schema):
    """Every plugin that was found, on one page."""

    items = ListOf(Object(PluginOut), 1000, required=True)
    pagination = Object(PaginationOut, required=True)


class SwitchIn(Schema):
    """Whether the organization is to have the plugin."""

    status = Choice(*_STATUSES, required=True)


class InstalledPlugins(Resource):
    """What this installation can do."""

    paths: ClassVar[Mapping[str, str]] = {"": "/plugins", "switch": "/plugins/{name}/organizations/{organization_id}"}
    reply = PluginsOut()
    switch_body, switch_reply = SwitchIn(), PluginOut()

    def __init__(self, app: "App") -> None:
        self._app = app

    def find(self, req: Request, **ids: str) -> str:
        """The name of the plugin that the path names, for the caller's own organization."""
        plugin = self._app.plugins.find(ids["name"])
        if plugin is None or plugin.state != "on" or ids["organization_id"] != req.principal.organization_id:
            raise not_found()
        return plugin.name

    @operation(SELF, reply="reply", message="Plugins listed.")
    def on_get(self, req: Request, resp: Response) -> None:
        """List the plugins of this installation, with what each requires and provides."""
        items = [self._shown(req, plugin) for plugin in self._app.plugins.found]
        page = {"limit": len(items), "next_cursor": None, "prev_cursor": None, "has_more": False}
        resp.media = {"items": items, "pagination": page}

    @operation(
        SWITCH,
        verb="switch",
        body="switch_body",
        reply="switch_reply",
        message="Plugin switched.",
        session_only=True,
        refusals=("invalid_state",),
    )
    def on_put_switch(self, req: Request, resp: Response, name: str, organization_id: str) -> None:
        """Switch a plugin off for the organization, or on again; its routes then answer 404 feature_disabled."""
        plugin = self._app.plugins.find(req.target)
        assert plugin is not None  # noqa: S101 - it is the one that was found
        if not plugin.is_switchable:
            raise Refused("invalid_state", _not_switchable(plugin))
        status = req.body["status"]
        if status == _ACTIVE and (reason := self._app.features.reason(req.principal, name)):
            raise Refused("invalid_state", reason)
        features.switch(organization_id, name, status == _ACTIVE)
        emit("core.plugin_switched", Subject("plugin", name, plugin.title), data={"status": status})
        resp.media = {**self._shown(req, plugin), "status": status}

    def _shown(self, req: Request, plugin: Any) -> dict[str, Any]:
        shown = {name: getattr(plugin, name) for name in _SHOWN}
        on = plugin.state == "on" and self._app.features.allowed(req.principal, plugin.name)
        return {**shown, "status": _ACTIVE if on else _DISABLED, "provides": asdict(plugin.provides)}


def _not_switchable(plugin: Any) -> str:
    if plugin.essential:
        return f"{plugin.title} is essential and cannot be switched off."
    return f"Only whoever runs the installation can turn {plugin.title} off, and for all organizations."
