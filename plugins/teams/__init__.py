"""Teams: members who hold roles together."""

from collections.abc import Sequence

from aasim_core import App, Event, Permission, Plugin, Resource, hookimpl
from aasim_core.resources import role_assignments
from aasim_core.schemas.fields import Choice, Id, Integer

from . import api
from .schemas import TEAM_ROLES

plugin = Plugin("Teams", "Groups of members that hold roles together.")


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about teams."""
    return (
        Permission("teams:read", "See teams and their members", roles=("builder", "operator", "approver", "viewer", "auditor")),
        Permission("teams:create", "Create teams"),
        Permission("teams:update", "Change teams and their members", dangerous=True),
        Permission("teams:delete", "Delete teams", dangerous=True),
        Permission("teams:assign", "Give roles to teams, and take them back", dangerous=True),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to teams."""
    member = {
        "user_id": Id("user", required=True, description="The member."),
        "team_role": Choice(*TEAM_ROLES, required=True, description="What they are in the team."),
    }
    gone = {
        "members": Integer(0, required=True, description="How many it had."),
        "grants": Integer(0, required=True, description="How many roles it held."),
    }
    return (
        Event("teams.created", "A team was created", "team"),
        Event("teams.updated", "A team was changed", "team"),
        Event("teams.deleted", "A team was deleted", "team", gone),
        Event("teams.member_added", "Somebody became a member of a team", "team", member),
        Event("teams.member_changed", "A member became something else in a team", "team", member),
        Event("teams.member_removed", "Somebody is no member of a team any more", "team", member),
        *role_assignments.events_of("teams", "team"),
    )


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /teams."""
    return api.Members(app), api.TeamAssignments(app), api.Teams(app)
