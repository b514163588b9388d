"""The plugins of this installation, and switching one off for an organization."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..access.permissions import Permission
from ..errors import Refused, not_found
from ..events.declarations import Event
from ..events.log import Subject, emit
from ..http.operations import SELF, Resource, operation
from ..http.request import Request, Response
from ..schemas.fields import Boolean, Choice, Integer, Json, ListOf, Number, Object, Text
from ..schemas.schema import PaginationOut, Schema
from ..tenancy import feature_switches as features
from .describing import described, outlined
from .event_types import EventTypeOut
from .grades.rule import GRADES
from .part_list import PartOut

if TYPE_CHECKING:
    from ..app import App
    from ..plugins.registry import Found

SWITCH = "core:switch_plugins"
PERMISSIONS = (Permission(SWITCH, "Switch plugins off and on for the organization", dangerous=True),)
_STATUSES = _ACTIVE, _DISABLED = ("active", "disabled")
_STATUS = Choice(*_STATUSES, required=True, description="What it is now.")
EVENTS = (Event("core.plugin_switched", "A plugin was switched off or on", "plugin", {"status": _STATUS}),)


class PluginOut(Schema):
    """A plugin that was found, enabled or not."""

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
    grade = Choice(
        *GRADES, required=True, allow_none=True, description="Null where it is not on, or misses a rule of the lowest."
    )


class PermissionDeclaredOut(Schema):
    """A permission that a plugin declares."""

    id = Text(required=True, example="agents:read")
    summary = Text(required=True, example="See agents")
    dangerous = Boolean(required=True, description="Whether it deletes, pays, sends outside or changes rights.")
    roles = ListOf(Text(), required=True, description="The built-in roles that hold it, besides owner and admin.")


class PluginSettingOut(Schema):
    """A setting that operators write; its value is not shown."""

    name = Text(required=True, example="keep_days")
    type = Text(required=True, example="int")
    help = Text(required=True, example="How long a note is kept.")
    default_value = Text(required=True, allow_none=True, description="As TOML writes it; null of a secret.", example="30")
    is_secret = Boolean(required=True)


class PluginJobOut(Schema):
    """A kind of background work."""

    name = Text(required=True, example="webhooks.deliver")
    schedule = Text(required=True, allow_none=True, description="When it runs by itself: a cron expression, in UTC.")
    time_limit_seconds = Number(required=True)
    max_attempts = Integer(1, required=True)


class FlawOut(Schema):
    """A place where a rule is missed."""

    advice = Text(required=True, description="What to write.", example="write a docstring for find")
    place = Text(required=True, description="The file and the line, where there are such.", example="notes/service.py:12")


class MissOut(Schema):
    """A rule of a grade that a plugin misses."""

    rule = Text(required=True, example="public-docstrings")
    grade = Choice(*GRADES, required=True)
    asks = Text(required=True, example="Each public class, function and method has a docstring.")
    harm = Text(required=True, example="Who builds on it has to read the code.")
    count = Integer(1, required=True, description="How many flaws there are; the first are told.")
    flaws = ListOf(Object(FlawOut), 100, required=True)


class PluginDetailOut(PluginOut):
    """One plugin, with all that is known of it; of one that is not on, that is what its manifest says."""

    api = Text(required=True, description="The version of the plugin API that it was written for.", example="1.0")
    permissions = ListOf(Object(PermissionDeclaredOut), 1000, required=True)
    settings = ListOf(Object(PluginSettingOut), 1000, required=True)
    events = ListOf(Object(EventTypeOut), 1000, required=True)
    jobs = ListOf(Object(PluginJobOut), 1000, required=True)
    operations = Integer(0, required=True, description="How many operations its routes have.")
    hooks_offered = ListOf(Text(), 1000, required=True, example=["graders"], description="The hooks that it asks other plugins.")
    hooks_implemented = ListOf(
        Text(), 1000, required=True, description="The hooks that it answers.", example=["models", "routes"]
    )
    misses = ListOf(Object(MissOut), 1000, required=True, description="What keeps it from a higher grade.")
    parts = ListOf(Object(PartOut), 1000, required=True, description="What it brings for the hooks of others.")


class PluginsOut(Schema):
    """Every plugin that was found, on one page."""

    items = ListOf(Object(PluginOut), 1000, required=True)
    pagination = Object(PaginationOut, required=True)


class SwitchIn(Schema):
    """Whether the plugin is enabled for the organization."""

    status = Choice(*_STATUSES, required=True)


class InstalledPlugins(Resource):
    """The plugins of this installation."""

    paths: ClassVar[Mapping[str, str]] = {"": "/plugins", "switch": "/plugins/{name}/organizations/{organization_id}"}
    reply = PluginsOut()
    switch_body, switch_reply = SwitchIn(), PluginOut()

    def __init__(self, app: "App") -> None:
        self._app = app

    def find(self, req: Request, **ids: str) -> "Found":
        """The plugin that the path names, to be switched for the caller's own organization only."""
        plugin = self._app.plugins.find(ids["name"])
        if plugin is None or plugin.state != "on" or ids["organization_id"] != req.principal.organization_id:
            raise not_found()
        return plugin

    @operation(SELF, reply="reply", message="Plugins listed.")
    def on_get(self, req: Request, resp: Response) -> None:
        """List the plugins of this installation, with their requirements and contributions."""
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
        plugin = req.target
        if not plugin.is_switchable:
            raise Refused("invalid_state", _not_switchable(plugin))
        status = req.body["status"]
        if status == _ACTIVE and (reason := self._app.features.reason(req.principal, name)):
            raise Refused("invalid_state", reason)
        features.switch(organization_id, name, status == _ACTIVE)
        emit("core.plugin_switched", Subject("plugin", name, plugin.title), data={"status": status})
        resp.media = {**self._shown(req, plugin), "status": status}

    def _shown(self, req: Request, plugin: "Found") -> dict[str, Any]:
        return {**outlined(self._app, plugin), "status": _status(self._app, req, plugin)}


class PluginDetails(Resource):
    """One plugin of this installation; the same for every organization but for its status."""

    paths: ClassVar[Mapping[str, str]] = {"": "/plugins/{name}"}
    common = True
    reply = PluginDetailOut()

    def __init__(self, app: "App") -> None:
        self._app = app

    def find(self, req: Request, **ids: str) -> "Found":
        """The plugin that the path names."""
        plugin = self._app.plugins.find(ids["name"])
        if plugin is None:
            raise not_found()
        return plugin

    @operation(SELF, verb="read", reply="reply", message="Plugin read.")
    def on_get(self, req: Request, resp: Response, name: str) -> None:
        """Read a plugin: its manifest, and its permissions, settings, events, jobs, hooks and parts."""
        resp.media = {**described(self._app, req.target), "status": _status(self._app, req, req.target)}


def _status(app: "App", req: Request, plugin: "Found") -> str:
    on = plugin.state == "on" and app.features.allowed(req.principal, plugin.name)
    return _ACTIVE if on else _DISABLED


def _not_switchable(plugin: "Found") -> str:
    if plugin.essential:
        return f"{plugin.title} is essential and cannot be switched off."
    return f"Only the operator of the installation can turn {plugin.title} off, and only for all organizations."
