"""Connected apps: external services that agents use, with their secrets, operations and uses."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aasim_core import App, Event, Job, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.access.permissions import BuiltInRole
from aasim_core.resources import haltable
from aasim_core.schemas.fields import Boolean, Integer, Text

from . import jobs as own_jobs
from .api import ConnectedApps
from .connectors import http, mcp, oauth2, smtp
from .credentials.api import Callback
from .credentials.vault import settings_of
from .models import AppOperation, ConnectedApp, PendingAuthorization, Share, Use
from .operations.api import Operations, Uses
from .settings import ConnectedAppSettings

if TYPE_CHECKING:
    from .connecting import Connector

plugin = Plugin(
    "Connected apps", "Other people's services that agents use as tools.", uses=("agents", "dashboard", "executions", "projects")
)

_READERS: Sequence[BuiltInRole] = ("builder", "operator", "approver", "viewer", "auditor")


@hookimpl
def config_schema() -> type[ConnectedAppSettings]:
    """The section [connected_apps]."""
    return ConnectedAppSettings


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The app, what it can do, its uses, its shares, and authorizations under way."""
    return ConnectedApp, AppOperation, Use, Share, PendingAuthorization


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about connected apps."""
    return (
        Permission("connected_apps:read", "See connected apps and their logs", roles=_READERS),
        Permission("connected_apps:create", "Connect apps", dangerous=True, roles=("builder",)),
        Permission("connected_apps:update", "Change, authorize and revoke connected apps", dangerous=True, roles=("builder",)),
        Permission("connected_apps:halt", "Stop all use of connected apps, and resume it", roles=("builder", "operator")),
        Permission("connected_apps:delete", "Delete connected apps that no agent uses", dangerous=True, roles=("builder",)),
        Permission("connected_apps:sync", "Read what connected apps can do", roles=("builder",)),
        Permission("connected_apps:test", "Test connected apps", roles=("builder", "operator")),
        Permission("connected_apps:use", "Have agents use connected apps", dangerous=True, roles=("builder", "operator")),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to connected apps."""
    why = {
        "code": Text(required=True, description="What went wrong."),
        "message": Text(max_length=500, multiline=True, required=True, description="The same for people."),
    }
    revoked = {
        "at_provider": Boolean(required=True, description="Whether the provider was notified."),
        "reason": Text(max_length=500, multiline=True, required=True, description="Why not; empty if it was."),
    }
    tested = {
        "ok": Boolean(required=True, description="Whether it answered."),
        "code": Text(required=True, description="Why not; empty if it did."),
    }
    synced = {
        "operations": Integer(0, required=True, description="How many it has."),
        "unconfirmed": Integer(0, required=True, description="How many of them wait for a person."),
    }
    operation = {
        "operation": Text(required=True, description="Its name."),
        "digest": Text(required=True, description="The SHA-256 of its description."),
    }
    return (
        Event("connected_apps.created", "An app was connected", "capp"),
        Event("connected_apps.updated", "A connected app was changed", "capp"),
        Event("connected_apps.deleted", "A connected app was deleted", "capp"),
        Event("connected_apps.authorization_started", "Somebody began to authorize an app", "capp"),
        Event("connected_apps.authorized", "A person authorized an app", "capp"),
        Event("connected_apps.refreshed", "An app has new tokens", "capp"),
        Event("connected_apps.expiring", "The token of an app ends soon, and a person has to renew it", "capp"),
        Event("connected_apps.needs_reauth", "An app does not take its credentials any more", "capp", why),
        Event("connected_apps.revoked", "The access to an app was ended", "capp", revoked),
        Event("connected_apps.tested", "An app was tested", "capp", tested),
        Event("connected_apps.sync_requested", "Somebody had an app asked for what it can do", "capp"),
        Event("connected_apps.synced", "An app was asked for what it can do", "capp", synced),
        Event("connected_apps.operation_confirmed", "Somebody let agents use an operation as it is now", "capp", operation),
        Event("connected_apps.effect_set", "Somebody said what an operation does", "capp", operation),
        *haltable.events_of("connected_apps", "capp", "An app"),
    )


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """Tokens in time, authorizations, what apps can do, and forgetting."""
    return own_jobs.all_jobs(app)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /connected-apps."""
    return ConnectedApps(app), Operations(app), Uses(app), Callback(app)


@hookimpl(optionalhook=True)
def tools(app: App) -> Sequence[Any]:
    """The operations of connected apps."""
    from . import with_executions

    return (with_executions.app_source(app),)


@hookimpl
def connectors(app: App) -> "Sequence[Connector]":
    """Those that come with the platform."""
    return http.connector(), oauth2.connector(), mcp.connector(lambda: settings_of(app).mcp_servers), smtp.connector()


@hookimpl(optionalhook=True)
def dashboard_cards(app: App) -> Sequence[Any]:
    """Connected apps, by state."""
    from . import with_dashboard

    return (with_dashboard.CARD,)
