"""The endpoints of teams."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from peewee import fn

from aasim_core import Collection, Request, Resource, Response, operation
from aasim_core.access.delegation import Delegator
from aasim_core.access.records import Team, TeamMember
from aasim_core.data.conditions import equals
from aasim_core.data.records import find_or_none
from aasim_core.data.views import View
from aasim_core.errors import not_found
from aasim_core.ids import is_id
from aasim_core.lists.paging import read_page
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Plan
from aasim_core.resources.collection import DELETED
from aasim_core.resources.role_assignments import Assignments
from aasim_core.tenancy.records import Membership

from . import schemas, service

if TYPE_CHECKING:
    from aasim_core import App

_MEMBERS = View(
    TeamMember,
    {"name": Membership.name, "email": Membership.email, "status": Membership.status},
    ((Membership, Membership.user_id == TeamMember.user_id),),
)


class Teams(Collection):
    """Teams: members who share roles."""

    record = Team
    events = "teams"
    node_field = "id"  # a team is a node of the tree itself
    paths: ClassVar[Mapping[str, str]] = {"": "/teams", "one": "/teams/{team_id}"}
    body = schemas.TeamIn()
    reply = schemas.TeamOut()
    unique = ("slug",)
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "delete": {
            "summary": "Delete a team; its members lose the rights they had only through it.",
            "message": "Team deleted, with its memberships and roles.",
        }
    }
    query = ListQuery(
        schemas.TeamOut(),
        filters=("name", "slug", "lead_id", "created_at", "updated_at"),
        sorts=("created_at", "updated_at", "name"),
        search=("name", "description"),
    )

    def __init__(self, app: "App") -> None:
        members = TeamMember.select(fn.COUNT(TeamMember.id)).where(TeamMember.team_id == Team.id)
        self.view = View(Team, {"members_count": members})
        super().__init__(app)

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """The lead must be a member of the organization, visible to the caller."""
        if values.get("lead_id") not in (None, getattr(record, "lead_id", None)):
            service.require_lead(record, values["lead_id"], Delegator.of(self.app.rights, req.principal))
        return values

    def create(self, req: Request, values: dict[str, Any]) -> Team:
        """Write the team, and make its lead a member."""
        return service.create(values, Delegator.of(self.app.rights, req.principal))

    def change(self, req: Request, record: Team, values: dict[str, Any]) -> Team:
        """Write changed values; a new lead becomes a member."""
        return service.change(record, values, Delegator.of(self.app.rights, req.principal))

    def remove(self, req: Request, record: Team) -> None:
        """Delete its own data, but not references to it."""
        self.refuse_in_use(record)
        service.remove(record, Delegator.of(self.app.rights, req.principal))


def _find_team(team_id: str) -> Team:
    team: Team | None = find_or_none(Team, team_id) if is_id(team_id, "team") else None
    if team is None:
        raise not_found()
    return team


class Members(Resource):
    """The members of a team."""

    paths: ClassVar[Mapping[str, str]] = {"": "/teams/{team_id}/members", "one": "/teams/{team_id}/members/{user_id}"}
    body = schemas.MembersIn()
    joined = schemas.MembershipsOut()
    reply = schemas.MemberOut()
    query = ListQuery(
        schemas.MemberOut(), filters=("user_id", "team_role", "created_at"), sorts=("created_at",), search=("name", "email")
    )

    def __init__(self, app: "App") -> None:
        self.app = app

    def find(self, req: Request, **ids: str) -> tuple[Team, TeamMember | None]:
        """Return the team, and the member if the path names one."""
        team = _find_team(ids["team_id"])
        return team, service.find_member(team, ids["user_id"]) if "user_id" in ids else None

    def node_of(self, target: tuple[Team, TeamMember | None]) -> str:
        """The team's own node."""
        return str(target[0].id)

    @operation("read", query="query", reply="reply", many=True, message="Members listed.")
    def on_get(self, req: Request, resp: Response, team_id: str) -> None:
        """List the members of a team."""
        question = self.query.question(req.path, req.query)
        mine = equals(TeamMember.team_id, team_id)
        names = Plan(self.reply).columns
        resp.media = read_page(_MEMBERS, names, question, [mine], self.app.keyring, self.query.search)

    @operation("update", body="body", reply="joined", status=201, message="Members added.")
    def on_post(self, req: Request, resp: Response, team_id: str) -> None:
        """Add users to a team, which gives them its roles.

        Each user's row contains the result.
        """
        team, granter, values = req.target[0], Delegator.of(self.app.rights, req.principal), req.body
        if "user_id" in values:
            joined = service.add_one(team, values["user_id"], values["team_role"], granter)
        else:
            joined = service.add(team, values["user_ids"], values["team_role"], granter)
        resp.location = req.path
        resp.media = {"items": [asdict(each) for each in joined]}

    @operation("update", reply=DELETED, message="Member removed.")
    def on_delete_one(self, req: Request, resp: Response, team_id: str, user_id: str) -> None:
        """Remove a member from a team.

        Rights that came only through the team end.
        """
        team, member = req.target
        service.expel(team, member, Delegator.of(self.app.rights, req.principal))
        resp.media = {"id": user_id, "deleted": True}


class TeamAssignments(Assignments):
    """The roles of teams."""

    plugin = "teams"
    subject_type = "team"
    paths = Assignments.under("/teams/{team_id}")

    def find_subject(self, req: Request, subject_id: str) -> Team:
        """Return the team; raises the uniform 404."""
        return _find_team(subject_id)

    def place_of(self, subject: Team) -> str:
        """The team's own node."""
        return str(subject.id)
