"""API keys: credentials of programs, that act for a member within scopes."""

from collections.abc import Sequence

from aasim_core import App, Event, OrganizationSetting, Permission, Plugin, Resource, hookimpl
from aasim_core.http import assignments

from . import api, limits, schemas

plugin = Plugin("API keys", "Credentials of programs, that act for a member within scopes.")

_MAKERS = ("builder", "operator", "auditor")
_EVERYBODY = (*_MAKERS, "approver", "viewer", "billing")


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about keys. Whoever has keys from better days sees them, and can revoke them."""
    return (
        Permission("api_keys:read", "See one's own keys, without the keys themselves", roles=_EVERYBODY),
        Permission("api_keys:create", "Make keys for oneself", dangerous=True, roles=_MAKERS),
        Permission("api_keys:update", "Change, regenerate, disable and enable one's own keys", roles=_MAKERS),
        Permission("api_keys:delete", "Revoke one's own keys", dangerous=True, roles=_EVERYBODY),
        Permission("api_keys:assign", "Limit one's own keys to roles at places", dangerous=True, roles=_MAKERS),
        Permission(
            "api_keys:manage", "See, change and revoke the keys of others, and make keys for service users, with the permissions above",
            dangerous=True,
        ),
    )  # fmt: skip


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to keys."""
    return (
        Event("api_keys.created", "A key was made", "apikey", {"user_id": "For whom it acts", "prefix": "What it begins with"}),
        Event("api_keys.updated", "A key's name, scopes or limits were changed", "apikey"),
        Event("api_keys.regenerated", "A key was made anew", "apikey",
              {"prefix": "What it begins with now", "overlap_seconds": "How long the one before works too"}),
        Event("api_keys.enabled", "A key was enabled", "apikey"),
        Event("api_keys.disabled", "A key was disabled", "apikey"),
        Event("api_keys.revoked", "A key was revoked for good", "apikey"),
        *assignments.events_of("api_keys", "apikey", "API key"),
    )  # fmt: skip


@hookimpl
def organization_settings(app: App) -> Sequence[OrganizationSetting]:
    """How long keys may live here."""
    return (OrganizationSetting("max_age_days", schemas.MAX_AGE),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /api-keys."""
    return limits.ApiKeyAssignments(app), api.ApiKeys(app)
