"""Members of organizations: people, who are invited by mail, and service users."""

from collections.abc import Sequence

from aasim_core import App, Event, Job, Permission, Plugin, Resource, hookimpl
from aasim_core.http import assignments

from . import api
from .jobs import send_invitation

plugin = Plugin(
    "Users", "Members of organizations: people, invited by mail, and service users.", requires=("auth",), uses=("teams",)
)

_EVERYBODY = ("builder", "operator", "approver", "viewer", "auditor", "billing")


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about members."""
    return (
        Permission("users:read", "See the members of the organization", roles=_EVERYBODY),
        Permission("users:create", "Invite people, and create service users"),
        Permission("users:update", "Change members, suspend and deactivate them", dangerous=True),
        Permission("users:delete", "Remove members from the organization", dangerous=True),
        Permission("users:assign", "Give roles to members, and take them back", dangerous=True),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to members."""
    ended = {"reason": "Why", "sessions": "How many sessions ended", "keys": "How many keys were disabled"}
    return (
        Event("users.invited", "Somebody was invited by mail", "user", {"name": "What they are called"}),
        Event("users.invited_again", "An invitation was sent again", "user"),
        Event("users.created", "A service user was created", "user", {"name": "What it is called", "kind": "service"}),
        Event("users.updated", "A member was changed, or moved in the organization", "user"),
        Event("users.suspended", "A member was suspended", "user", ended),
        Event("users.deactivated", "A member was deactivated", "user", ended),
        Event("users.reactivated", "A member may work again", "user", {"reason": "Why", "keys": "How many keys work again"}),
        Event("users.handed_over", "What a member owned was handed over", "user",
              {"successor_id": "Who owns it now", "count": "How much it was", "objects": "Ids by type and field, 20 of each at most"}),
        Event("users.deleted", "A member was removed, or an invitation withdrawn", "user",
              {"sessions": "How many sessions ended", "keys": "How many keys were removed"}),
        *assignments.events_of("users", "user"),
    )  # fmt: skip


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """The mail that invites."""
    return (send_invitation(app),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /users."""
    roles = api.UserAssignments(app)
    return roles, api.Users(app, roles)
