"""Roles: named sets of permissions, built in or an organization's own."""

from collections.abc import Sequence

from aasim_core import App, Event, Permission, Plugin, Resource, hookimpl
from aasim_core.schemas.fields import Id, Integer

from . import api

plugin = Plugin("Roles", "Named sets of permissions that members, teams and API keys hold.")


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about roles."""
    return (
        Permission("roles:read", "See roles and who holds them", roles=("builder", "operator", "approver", "viewer", "auditor")),
        Permission("roles:create", "Make and clone roles", dangerous=True),
        Permission("roles:update", "Change roles, for all who hold them", dangerous=True),
        Permission("roles:delete", "Delete roles", dangerous=True),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to roles."""
    cloned = {"cloned_from": Id("role", description="The role that it is a copy of, if it is.")}
    gone = {
        "replacement_role_id": Id("role", required=True, allow_none=True, description="What took its place."),
        "grants": Integer(0, required=True, description="How many grants of it there were."),
    }
    return (
        Event("roles.created", "A role was made or cloned", "role", cloned),
        Event("roles.updated", "A role was changed, for all who hold it", "role"),
        Event("roles.deleted", "A role was deleted", "role", gone),
    )


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /roles."""
    return (api.Roles(app),)
