"""The endpoints of members."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from aasim_core import Collection, Invalid, Problem, Refused, Request, Response, operation
from aasim_core.access import positions, tree
from aasim_core.access.delegation import Delegator, RoleAssignment
from aasim_core.access.members import READ, require_visible_member
from aasim_core.access.records import Team
from aasim_core.data.conditions import Condition
from aasim_core.lists.query import ListQuery
from aasim_core.resources.role_assignments import Assignments
from aasim_core.tenancy.records import Membership

from . import membership_status, schemas, service
from .checking import checked, no_teams, place_of
from .service import Member

if TYPE_CHECKING:
    from aasim_core import App


class UserAssignments(Assignments):
    """The roles that members hold."""

    plugin = "users"
    subject_type = "user"
    paths = Assignments.under("/users/{user_id}")

    def find_subject(self, req: Request, subject_id: str) -> Member:  # type: ignore[override] # of a record only the id is asked
        """Return the member; raises the uniform 404."""
        return service.find(subject_id)

    def place_of(self, subject: Member) -> str | None:
        """The member's node."""
        return subject.place

    def may_own(self, subject: Member) -> bool:
        """Return whether the member can log in: a service user cannot."""
        return bool(subject.row["kind"] == schemas.PERSON)

    def may_read(self, req: Request, subject: Member) -> bool:
        """Members see their own roles too."""
        return service.may_read(req.principal, req.rights, subject)


class Users(Collection):
    """Members of the organization: people and service users."""

    record = Membership
    view = service.VIEW
    events = "users"
    node_field = "department_id"
    unique = ("email",)
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "delete": {
            "summary": "Remove a member, with roles, teams and keys, and the account if it has no other organization; or "
            "withdraw an invitation.",
            "message": "User removed.",
            "refusals": ("invalid_state", "last_owner", "in_use"),
        }
    }
    paths: ClassVar[Mapping[str, str]] = {
        "": "/users",
        "one": "/users/{user_id}",
        "status": "/users/{user_id}/status",
        "invite": "/users/{user_id}/invite",
    }
    body = schemas.UserIn()
    reply = schemas.UserOut()
    create_body = schemas.NewUserIn()
    status_body = schemas.StatusIn()
    status_query = schemas.StatusQuery()
    status_reply = schemas.StatusOut()
    query = ListQuery(
        schemas.UserOut(),
        filters=(
            "email", "name", "status", "kind", "branch_id", "department_id", "manager_id", "last_login_at", "email_verified_at",
            "created_at", "updated_at",
        ),
        sorts=("created_at", "name", "email"),
        search=("name", "email"),
    )  # fmt: skip

    def __init__(self, app: "App", assignments: UserAssignments) -> None:
        super().__init__(app)
        self._assignments = assignments

    # A member is visible to readers of members at their node, and to themselves.

    def find(self, req: Request, **ids: str) -> Member:
        """Return the member; raises the uniform 404."""
        return service.find(ids["user_id"])

    def node_of(self, target: Member) -> str | None:
        """The member's node."""
        return target.place

    def allows(self, req: Request, permission: str, target: Member) -> bool:
        """Permission at the member's node; reading oneself is always allowed."""
        if permission == READ:
            return service.may_read(req.principal, req.rights, target)
        return req.rights.allows_at(permission, target.place)

    def reach(self, req: Request) -> list[Condition]:
        """Members in the subtrees where the caller may read them, and the caller."""
        return service.reach(req.principal, req.rights)

    def present(self, record: Member) -> dict[str, Any]:
        """The member as it was read."""
        return record.row

    @operation(
        "create", body="create_body", reply="reply", status=201, reach="place", message="User created; people are invited by mail.",
        refusals=("too_many_attempts",),
    )  # fmt: skip
    def on_post(self, req: Request, resp: Response, **ids: str) -> None:
        """Invite a person by mail, or create a service user.

        A role and teams can be assigned at once.
        """
        values = checked(req, Delegator.of(self.app.rights, req.principal), req.body)
        place = place_of(values)
        req.rights.require_at("users:create", place)
        self.app.rights.refuse_archived(req.principal, place)
        assignment, teams = self._assignment(req, values, place), self._teams(req, values["team_ids"])
        member: Any = self._make(req, values)
        if assignment is not None:
            given = assignment.grant_to("user", member.id)
            self._assignments.emit_change("assigned", member, given.id)
        if teams:
            from . import with_teams

            with_teams.join(teams, member.id, Delegator.of(self.app.rights, req.principal))
        resp.location = self.location(member)
        resp.media = self.present(member)

    @operation("create", reply="reply", message="The invitation was sent again.", refusals=("invalid_state", "too_many_attempts"))
    def on_post_invite(self, req: Request, resp: Response, user_id: str) -> None:
        """Send an invitation again, with a new link.

        The previous link is revoked.
        """
        service.invite_again(self.app, req.target)
        resp.media = self.present(req.target)

    @operation("update", body="status_body", query="status_query", reply="status_reply", message="Status changed.",
               refusals=("invalid_state", "last_owner"))  # fmt: skip
    def on_put_status(self, req: Request, resp: Response, user_id: str) -> None:
        """Suspend, deactivate or reactivate a member, effective on their next request.

        With plan=true, only list what they own.
        """
        member, granter, values = req.target, Delegator.of(self.app.rights, req.principal), req.body
        membership_status.require_change(req.principal, granter, member, values["status"])
        successor_id = self._successor(req, values)
        outcome, reassigned = membership_status.Outcome(), 0
        if not req.query["plan"]:
            outcome = membership_status.change(member, values["status"], values["reason"])
            if successor_id is not None:
                reassigned = membership_status.hand_over(self._others(), member, successor_id, self._teams_taker(req, granter))
        resp.message = "Nothing is changed yet; this is what the member owns." if req.query["plan"] else None
        resp.media = {
            **service.find(user_id).row,
            "planned": req.query["plan"],
            "owns": membership_status.owned(self._others(), user_id),
            "reassigned": reassigned,
            "sessions_ended": outcome.sessions_ended,
            "keys_disabled": outcome.keys_disabled,
            "keys_enabled": outcome.keys_enabled,
        }

    def remove(self, req: Request, record: Member) -> None:
        """Members cannot remove themselves, nor members with more rights."""
        membership_status.require_other(req.principal, record)
        service.require_above(Delegator.of(self.app.rights, req.principal), str(record.id))
        membership_status.remove(self._others(), record, self._teams_teller(req))

    def _put(self, req: Request, resp: Response) -> None:
        member, granter = req.target, Delegator.of(self.app.rights, req.principal)
        values = checked(req, granter, req.body, member)
        place = place_of(values, member)
        if place != member.place:
            self.require_move(req, member, member.place, place)
        if values.get("email", member.label) != member.label and req.principal.kind != "user":
            raise Refused(
                "session_required", "An API key cannot change an address; log in and use the access token.", field="email"
            )
        if values.get("email", member.label) != member.label:
            positions.require_positions_of(req.rights, self.app.models, str(member.id))
        changed = service.change(member, values, req.principal, granter)
        resp.media = self.present(changed)

    def _make(self, req: Request, values: Mapping[str, Any]) -> Member:
        if values["kind"] == schemas.SERVICE:
            return service.create_service(values)
        return service.invite(self.app, req.principal, values)

    def _assignment(self, req: Request, values: Mapping[str, Any], place: str | None) -> RoleAssignment | None:
        """Return the role to assign, at the member's future node unless another is named."""
        if not {"role", "role_id"} & values.keys():
            return None
        if "place" not in values:
            kind = "organization" if place is None else tree.kind_of(place)
            values = {**values, "place": {"type": kind, **({} if place is None else {"id": place})}}
        return self._assignments.assignment(req, values, may_own=values["kind"] == schemas.PERSON)

    def _teams(self, req: Request, team_ids: Sequence[str]) -> Sequence[Team]:
        if not team_ids:
            return ()
        if not self.app.features.is_here("teams"):
            raise no_teams(range(len(team_ids)))
        from . import with_teams

        return with_teams.find_joinable(req, team_ids)

    def _teams_taker(self, req: Request, granter: Delegator) -> membership_status.TakeOverTeams | None:
        if not self.app.features.is_here("teams"):
            return None
        from . import with_teams

        return partial(with_teams.lead, granter=granter)

    def _teams_teller(self, req: Request) -> membership_status.TellTeams | None:
        if not self.app.features.is_here("teams"):
            return None
        from . import with_teams

        return with_teams.tell_left

    def _others(self) -> list[Any]:
        """Return the records that may name a member, except members: lines of managers are transferred separately."""
        return [model for model in self.app.models if model is not Membership]

    def _successor(self, req: Request, values: Mapping[str, Any]) -> str | None:
        """The successor of a deactivated member."""
        successor_id: str | None = values.get("reassign_to")
        if successor_id is None:
            return None
        if values["status"] != membership_status.DEACTIVATED or successor_id == req.target.id:
            raise Invalid(
                {"reassign_to": [Problem("invalid_choice", "Name another member, and only with the status deactivated.")]}
            )
        require_visible_member(Delegator.of(self.app.rights, req.principal), successor_id, "reassign_to")
        positions.require_positions_of(req.rights, self.app.models, str(req.target.id))
        return successor_id
