"""Members of organizations: people, who are invited by mail, and service users."""

from collections.abc import Sequence

from aasim_core import App, Event, Job, Permission, Plugin, Resource, hookimpl
from aasim_core.access.permissions import EVERYBODY
from aasim_core.resources import role_assignments
from aasim_core.schemas.fields import Choice, Id, Integer, Json, Text

from . import api
from .jobs import send_invitation

plugin = Plugin(
    "Users", "Members of organizations: people, invited by mail, and service users.", requires=("auth",), uses=("teams",)
)


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about members."""
    return (
        Permission("users:read", "See the members of the organization", roles=EVERYBODY),
        Permission("users:create", "Invite people, and create service users"),
        Permission("users:update", "Change members, suspend and deactivate them", dangerous=True),
        Permission("users:delete", "Remove members from the organization", dangerous=True),
        Permission("users:assign", "Give roles to members, and take them back", dangerous=True),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to members."""
    name = Text(required=True, description="What they are called.")
    reason = Text(max_length=500, required=True, description="The reason; empty if none was given.")
    sessions = Integer(0, required=True, description="How many sessions ended.")
    ended = {
        "reason": reason,
        "sessions": sessions,
        "keys": Integer(0, required=True, description="How many keys were disabled."),
    }
    again = {"reason": reason, "keys": Integer(0, required=True, description="How many keys work again.")}
    gone = {"sessions": sessions, "keys": Integer(0, required=True, description="How many keys were removed.")}
    handed_over = {
        "successor_id": Id("user", required=True, description="Who owns it now."),
        "count": Integer(1, required=True, description="How much it was."),
        "objects": Json(object_only=True, required=True, description="Ids by type and field, 20 of each at most."),
    }
    return (
        Event("users.invited", "Somebody was invited by mail", "user", {"name": name}),
        Event("users.invited_again", "An invitation was sent again", "user"),
        Event("users.created", "A service user was created", "user", {"name": name, "kind": Choice("service", required=True)}),
        Event("users.updated", "A member was changed, or moved in the organization", "user"),
        Event("users.suspended", "A member was suspended", "user", ended),
        Event("users.deactivated", "A member was deactivated", "user", ended),
        Event("users.reactivated", "A member may work again", "user", again),
        Event("users.handed_over", "What a member owned was handed over", "user", handed_over),
        Event("users.deleted", "A member was removed, or an invitation withdrawn", "user", gone),
        *role_assignments.events_of("users", "user"),
    )


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """The mail that invites."""
    return (send_invitation(app),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /users."""
    roles = api.UserAssignments(app)
    return roles, api.Users(app, roles)
