"""Who may decide an approval, and whom it is there for: one condition, which lists, single reads and mails share.

An approval is put to assignees: people by name, by role, by team or by position. A member whom one of them means, and who may decide
approvals at all, has a seat; whoever asked for the approval has none, unless its policy says so. Somebody may take their own seat, and
those of the members whom they stand in for. All of that is looked up when it is asked, so that a change of roles, teams or positions
acts at once.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import peewee
from peewee import fn

from aasim_core.access.records import Grant, Membership, Node, Role, TeamMember
from aasim_core.clock import now, to_text
from aasim_core.data.records import database_of
from aasim_core.data.statements import Bind, Condition
from aasim_core.errors import Refused
from aasim_core.identity.principal import Principal
from aasim_core.identity.standing import principal_now

from .models import HEAD, MANAGER, OPEN, OWNER, PERMISSION, ROLE, TEAM, USER, Approval, Assignee, Delegation, Vote

if TYPE_CHECKING:
    from aasim_core import App
    from aasim_core.access.rights import Rights

READ, DECIDE = "hitl_approvals:read", "hitl_approvals:decide"
#: More seats than anybody takes.
_MANY = 1_000
#: An expression that says whether a user (second) stands at a place of the organization (first).
Position = Callable[[Any, Any], Any]


class Eligibility:
    """Finds the seats of approvals in the organization in scope."""

    def __init__(self, app: "App") -> None:
        self._app = app

    # One approval

    def seats(self, approval: Approval, user_id: str) -> list[str]:
        """The members whose seats the user may take at the approval's present level: themselves first, if they have one."""
        found = self._members(approval.id, approval.level, user_id)
        return sorted(found, key=lambda seat: (seat != user_id, seat))

    def people(self, approval_id: str, level: int, at_most: int) -> list[str]:
        """Some of the members who have a seat at a level of the approval."""
        return self._members(approval_id, level, None, at_most)

    def voters(self, approval: Approval, at_most: int) -> list[str]:
        """Some of those who may vote at the approval's present level: who has a seat, and who stands in for them."""
        people = self.people(approval.id, approval.level, at_most)
        lent = Delegation.select(Delegation.to_user_id).where(Delegation.from_user_id.in_(people), Delegation.until > now())
        delegates = {delegation.to_user_id for delegation in lent} - set(people)
        return sorted([*people, *(user_id for user_id in delegates if self.may_vote(approval, user_id))])[:at_most]

    def may_vote(self, approval: Approval, user_id: str) -> bool:
        """Whether the user, as they stand now, may decide the approval at its present level."""
        principal = principal_now(user_id)
        return principal is not None and self.decides(principal, self._app.rights.of(principal), approval)

    def _members(self, approval_id: str, level: int, user_id: str | None, at_most: int = _MANY) -> list[str]:
        database = database_of(Approval)

        def build() -> Any:
            query = Membership.select(Membership.user_id).join_from(Membership, Approval, on=(Approval.id == Bind("approval")))
            query = query.where(self._has_seat(Assignee.level == Bind("level")))
            query = query if user_id is None else query.where(_stands_for(), _may_be_decided_by(Bind("me")))
            return query.order_by(Membership.user_id).limit(Bind("at_most"))

        values = {"approval": approval_id, "level": level, "at_most": at_most, **_me(user_id or "")}
        statement = database.statement(("seats", self, user_id is None), build)
        return [str(row[0]) for row in statement.run(database, values).fetchall()]

    def denial(self, approval: Approval, user_id: str) -> Refused:
        """What somebody is told who may decide approvals, and has no seat at this one."""
        if approval.requested_by == user_id and not approval.own_requests:
            return Refused("permission_denied", "You have asked for this yourself, so somebody else decides it.")
        return Refused("permission_denied", "This approval is not put to you, nor to anybody whom you stand in for.")

    def holds(self, principal: Principal, rights: "Rights", approval: Approval) -> bool:
        """Whether the caller may decide approvals; a key may only where its own rights reach, too."""
        return rights.has_anywhere(DECIDE) and (principal.kind == "user" or rights.allows_at(DECIDE, approval.project_id))

    def decides(self, principal: Principal, rights: "Rights", approval: Approval) -> bool:
        """Whether the caller may decide the approval."""
        return self.holds(principal, rights, approval) and bool(self.seats(approval, principal.user_id))

    def sees(self, principal: Principal, rights: "Rights", approval: Approval) -> bool:
        """Whether the approval is there for the caller: by their rights, as whoever asked for it, or as one whom it was put to."""
        if rights.allows_at(READ, approval.project_id):
            return True
        if principal.kind != "user" or not rights.has_anywhere(READ):
            return False
        database = database_of(Approval)
        statement = database.statement(
            ("seen", self), lambda: Approval.select(Approval.id).where(Approval.id == Bind("approval"), self._concerns_me())
        )
        return statement.run(database, {"approval": approval.id, **_me(principal.user_id)}).fetchone() is not None

    # Lists

    def visible(self, principal: Principal, rights: "Rights") -> list[Condition]:
        """What restricts a list to what `sees` says yes to."""
        within = rights.reach_condition(READ, Approval, "project_id")
        if not within or principal.kind != "user":
            return within
        [reach] = within
        values = {**reach.values, **_me(principal.user_id)}
        return [Condition(lambda: reach.expression() | self._concerns_me(), values, ("approvals seen", self, reach.shape))]

    def inbox(self, principal: Principal, rights: "Rights") -> list[Condition]:
        """What restricts a list to the open approvals that wait for the caller's vote."""

        def waits() -> Any:
            seats = Membership.select(Membership.id).where(
                _stands_for(),
                _may_be_decided_by(Bind("me")),
                self._has_seat(Assignee.level == Approval.level),
                ~fn.EXISTS(_votes(Vote.seat_id == Membership.user_id)),
            )
            return Approval.status.in_(OPEN) & fn.EXISTS(seats) & ~fn.EXISTS(_votes(Vote.user_id == Bind("me")))

        within = [] if principal.kind == "user" else rights.reach_condition(DECIDE, Approval, "project_id", "decide")
        return [Condition(waits, _me(principal.user_id), ("approvals waiting", self)), *within]

    # The parts of the condition, over the records Approval and Membership

    def _concerns_me(self) -> Any:
        asked = Membership.select(Membership.id).where(_stands_for(), self._is_asked())
        return (Approval.requested_by == Bind("me")) | fn.EXISTS(asked)

    def _has_seat(self, level: Any) -> Any:
        """Whether the member is asked at the level, and may decide it."""
        may_decide = _holds(Membership.user_id, Grant.role_id.in_(self._deciding_roles()), anywhere=True)
        is_free = (Membership.status == "active") & _may_be_decided_by(Membership.user_id)
        return is_free & self._is_asked(level) & may_decide

    def _is_asked(self, *levels: Any) -> Any:
        kinds = [(Assignee.type == kind) & holds(Assignee.subject_id, Membership.user_id) for kind, holds in self._kinds.items()]
        any_of = kinds[0]
        for kind in kinds[1:]:
            any_of |= kind
        return fn.EXISTS(Assignee.select(Assignee.approval_id).where(Assignee.approval_id == Approval.id, any_of, *levels))

    @cached_property
    def _kinds(self) -> Mapping[str, Position]:
        """How each type of assignee means somebody."""
        return {
            USER: lambda subject_id, user_id: subject_id == user_id,
            TEAM: _is_member,
            ROLE: lambda subject_id, user_id: _holds(user_id, Grant.role_id == subject_id),
            OWNER: lambda subject_id, user_id: _holds(user_id, Grant.role_id.in_(_owner_roles())),
            PERMISSION: lambda subject_id, user_id: _holds(user_id, Grant.role_id.in_(self._deciding_roles())),
            **positions_of(self._app),
        }

    def _deciding_roles(self) -> Any:
        built_in = [name for name, permissions in self._app.rights.built_in.items() if DECIDE in permissions]
        named = peewee.NodeList((Role.permissions, peewee.SQL("LIKE"), peewee.Value(f'%"{DECIDE}"%', converter=False)))
        return Role.select(Role.id).where((Role.built_in & Role.name.in_(built_in)) | (~Role.built_in & named))


def positions_of(app: "App") -> Mapping[str, Position]:
    """The positions that there are, as far as the plugins are on that know them."""
    on = {plugin.name for plugin in app.plugins.on}
    found: dict[str, Position] = {}
    if "departments" in on:
        from . import with_departments

        found[HEAD] = with_departments.is_head
    if "branches" in on:
        from . import with_branches

        found[MANAGER] = with_branches.is_manager
    return found


def _me(user_id: str) -> dict[str, str]:
    return {"me": user_id, "moment": to_text(now())}


def _may_be_decided_by(user_id: Any) -> Any:
    """Whether the user is somebody else than who asked, or may decide what they asked for."""
    return Approval.own_requests | Approval.requested_by.is_null() | (Approval.requested_by != user_id)


def _stands_for() -> Any:
    """Whether the member is the caller, or one whom they stand in for."""
    lent = Delegation.select(Delegation.from_user_id).where(
        Delegation.to_user_id == Bind("me"), Delegation.until > Bind("moment")
    )
    return (Membership.user_id == Bind("me")) | Membership.user_id.in_(lent)


def _votes(of: Any) -> Any:
    """The votes about the action as it stands."""
    about = (Vote.approval_id == Approval.id) & (Vote.action_hash == Approval.action_hash)
    return Vote.select(Vote.id).where(about, of)


def _is_member(team_id: Any, user_id: Any) -> Any:
    return fn.EXISTS(TeamMember.select(TeamMember.id).where(TeamMember.team_id == team_id, TeamMember.user_id == user_id))


def _owner_roles() -> Any:
    return Role.select(Role.id).where(Role.built_in, Role.name == "owner")


def _holds(user_id: Any, role: Any, *, anywhere: bool = False) -> Any:
    """Whether the user, or a team of theirs, holds such a role: at a place that the approval's project is in, unless `anywhere` will do."""
    teams = TeamMember.select(TeamMember.team_id).where(TeamMember.user_id == user_id)
    lasts = Grant.expires_at.is_null() | (Grant.expires_at > Bind("moment"))
    held = Grant.select(Grant.id).where((Grant.subject_id == user_id) | Grant.subject_id.in_(teams), role, lasts)
    if anywhere:
        return fn.EXISTS(held)
    here, place = Node.alias(), Node.alias()
    path = place.select(place.path).where(place.id == Approval.project_id)
    reaches = (here.kind == "organization") | (fn.SUBSTR(path, 1, fn.LENGTH(here.path)) == here.path)
    return fn.EXISTS(held.join(here, peewee.JOIN.INNER, on=(here.id == Grant.node_id)).where(reaches))
