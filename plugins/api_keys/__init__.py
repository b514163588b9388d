"""API keys: credentials of programs, which act for a member within scopes."""

from collections.abc import Sequence
from typing import Any

from aasim_core import App, Event, OrganizationSetting, Permission, Plugin, Request, Resource, hookimpl
from aasim_core.access.permissions import EVERYBODY, BuiltInRole
from aasim_core.resources import role_assignments
from aasim_core.schemas.fields import Id, Integer, Text
from aasim_core.tenancy.principal import Principal

from . import api, authentication, limits, schemas

plugin = Plugin("API keys", "Credentials of programs, that act for a member within scopes.", uses=("dashboard",))

_MAKERS: Sequence[BuiltInRole] = ("builder", "operator", "auditor")


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about keys. Owners of older keys can see and revoke them."""
    return (
        Permission("api_keys:read", "See one's own keys, without the keys themselves", roles=EVERYBODY),
        Permission("api_keys:create", "Make keys for oneself", dangerous=True, roles=_MAKERS),
        Permission("api_keys:update", "Change, regenerate, disable and enable one's own keys", roles=_MAKERS),
        Permission("api_keys:delete", "Revoke one's own keys", dangerous=True, roles=EVERYBODY),
        Permission("api_keys:assign", "Limit one's own keys to roles at places", dangerous=True, roles=_MAKERS),
        Permission(
            "api_keys:manage", "See, change and revoke the keys of others, and make keys for service users, with the permissions above",
            dangerous=True,
        ),
    )  # fmt: skip


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to keys."""
    prefix = Text(required=True, description="What it begins with.")
    return (
        Event("api_keys.created", "A key was made", "apikey",
              {"user_id": Id("user", required=True, description="The user or service user that it represents."), "prefix": prefix}),
        Event("api_keys.updated", "A key's name, scopes or limits were changed", "apikey"),
        Event("api_keys.regenerated", "A key was regenerated", "apikey",
              {"prefix": prefix,
               "overlap_seconds": Integer(0, required=True, description="How long the one before works too.")}),
        Event("api_keys.enabled", "A key was enabled", "apikey"),
        Event("api_keys.disabled", "A key was disabled", "apikey"),
        Event("api_keys.revoked", "A key was revoked for good", "apikey"),
        *role_assignments.events_of("api_keys", "apikey", "API key"),
    )  # fmt: skip


@hookimpl
def organization_settings(app: App) -> Sequence[OrganizationSetting]:
    """How long keys may live here."""
    return (OrganizationSetting("max_age_days", schemas.MAX_AGE),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /api-keys."""
    return limits.ApiKeyAssignments(app), api.ApiKeys(app)


@hookimpl
def authenticate(app: App, req: Request) -> Principal | None:
    """The user whom the key acts for; None where the request was sent with something else."""
    key = authentication.key_in(req)
    return None if key is None else authentication.principal_of_key(app, key, req.remote_addr)


@hookimpl(optionalhook=True)
def dashboard_cards(app: App) -> Sequence[Any]:
    """API keys, and those that end soon."""
    from . import with_dashboard

    return (with_dashboard.CARD,)
