"""Decide who may decide an approval, and who may see it.

An approval is put to assignees: people by name, by role, by team or by position. A member whom one of them means, and who may decide
approvals at all, has a seat; the approval's requester has none, unless its policy says so. Somebody may take their own seat, and
those of the members whom they stand in for. All of that is looked up when it is asked, so that a change of roles, teams or positions
acts at once.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import peewee
from peewee import fn

from aasim_core.access import grants
from aasim_core.access.records import Grant, Node, Role, TeamMember
from aasim_core.clock import now, to_text
from aasim_core.data.conditions import Condition
from aasim_core.data.records import database_of
from aasim_core.data.statements import Bind
from aasim_core.errors import Refused
from aasim_core.identity.on_behalf_of import principal_now
from aasim_core.tenancy.principal import Principal
from aasim_core.tenancy.records import Membership

from ..models import OWNER, PERMISSION, ROLE, TEAM, USER, Approval, Assignee, Delegation
from .list_conditions import by_a_key_of, concerning, may_be_decided_by, waiting_for
from .own_assignees import DECIDE, meanings_of
from .positions import positions_of

if TYPE_CHECKING:
    from aasim_core import App
    from aasim_core.access.rights import Rights

READ = "hitl_approvals:read"
#: More seats than anybody takes.
_MANY = 1_000


class Eligibility:
    """Finds the seats of approvals in the organization in scope."""

    def __init__(self, app: "App") -> None:
        self._app = app

    # One approval

    def seats(self, approval: Approval, user_id: str) -> list[str]:
        """Return the members whose seats the user may take at the approval's current level: themselves first, if they have one."""
        found = self._members(approval.id, approval.level, user_id)
        return sorted(found, key=lambda seat: (seat != user_id, seat))

    def people(self, approval_id: str, level: int, at_most: int) -> list[str]:
        """Some of the members who have a seat at a level of the approval."""
        return self._members(approval_id, level, None, at_most)

    def voters(self, approval: Approval, at_most: int) -> list[str]:
        """Return some of those who may vote at the approval's current level: holders of seats, and their delegates."""
        people = self.people(approval.id, approval.level, at_most)
        lent = Delegation.select(Delegation.to_user_id).where(Delegation.from_user_id.in_(people), Delegation.expires_at > now())
        delegates = {delegation.to_user_id for delegation in lent} - set(people)
        return sorted([*people, *(user_id for user_id in delegates if self.may_vote(approval, user_id))])[:at_most]

    def may_vote(self, approval: Approval, user_id: str) -> bool:
        """Whether the user, as they stand now, may decide the approval at its present level."""
        principal = principal_now(user_id)
        return principal is not None and self.decides(principal, self._app.rights.of(principal), approval)

    def _members(self, approval_id: str, level: int, user_id: str | None, at_most: int = _MANY) -> list[str]:
        database = database_of(Approval)
        values = {"approval": approval_id, "level": level, "at_most": at_most, **_me(user_id or "")}
        statement = database.statement(self._seats_query, user_id is None)
        return [str(row[0]) for row in statement.run(database, values).fetchall()]

    def _seats_query(self, everybody: bool) -> Any:
        me, moment = Bind("me"), Bind("moment")
        query = Membership.select(Membership.user_id).join_from(Membership, Approval, on=(Approval.id == Bind("approval")))
        query = query.where(self._has_seat(moment, Assignee.level == Bind("level")))
        query = query if everybody else query.where(_stands_for(me, moment), may_be_decided_by(me))
        return query.order_by(Membership.user_id).limit(Bind("at_most"))

    def denial(self, approval: Approval, user_id: str) -> Refused:
        """Return the error for somebody who may decide approvals, but has no seat at this one."""
        if not approval.own_requests and self._has_asked(approval, user_id):
            return Refused("permission_denied", "You have asked for this yourself, so somebody else decides it.")
        return Refused("permission_denied", "This approval is not assigned to you, nor to anybody you stand in for.")

    @staticmethod
    def _has_asked(approval: Approval, user_id: str) -> bool:
        mine = Approval.select(Approval.id).where(Approval.id == approval.id, fn.EXISTS(by_a_key_of(user_id)))
        return approval.initiator_id == user_id or bool(mine.exists())

    def holds(self, principal: Principal, rights: "Rights", approval: Approval) -> bool:
        """Whether the caller may decide approvals; a key may only where its own rights reach, too."""
        return rights.has_anywhere(DECIDE) and (principal.kind == "user" or rights.allows_at(DECIDE, approval.project_id))

    def decides(self, principal: Principal, rights: "Rights", approval: Approval) -> bool:
        """Whether the caller may decide the approval."""
        return self.holds(principal, rights, approval) and bool(self.seats(approval, principal.user_id))

    def sees(self, principal: Principal, rights: "Rights", approval: Approval) -> bool:
        """Return whether the approval is visible to the caller: by their rights, as its requester, or as an assignee."""
        if rights.allows_at(READ, approval.project_id):
            return True
        if principal.kind != "user" or not rights.has_anywhere(READ):
            return False
        [condition] = self.visible(principal, rights)
        statement = database_of(Approval).statement(_seen, condition)
        values = {"approval": approval.id, **condition.values}
        return statement.run(database_of(Approval), values).fetchone() is not None

    # Lists

    def visible(self, principal: Principal, rights: "Rights") -> list[Condition]:
        """What restricts a list to what `sees` says yes to."""
        within = rights.reach_condition(READ, Approval, "project_id")
        if not within or principal.kind != "user":
            return within
        me = principal.user_id
        return [concerning(me, meanings_of(self._app, me), within, partial(rights.allows, READ))]

    def inbox(self, principal: Principal, rights: "Rights") -> list[Condition]:
        """What restricts a list to the open approvals that wait for the caller's vote."""
        within = [] if principal.kind == "user" else rights.reach_condition(DECIDE, Approval, "project_id")
        me = principal.user_id
        return [waiting_for(me, meanings_of(self._app, me)), *within]

    # The parts of the condition for one approval, over the records Approval and Membership

    def _has_seat(self, moment: Any, level: Any) -> Any:
        """Return whether the member is assigned at the level, and may decide it."""
        may_decide = _holds(Membership.user_id, moment, Grant.role_id.in_(self._deciding_roles()), anywhere=True)
        is_free = (Membership.status == "active") & may_be_decided_by(Membership.user_id)
        return is_free & self._is_asked(moment, level) & may_decide

    def _is_asked(self, moment: Any, *levels: Any) -> Any:
        positions = self._kinds(moment)
        kinds = [(Assignee.type == kind) & holds(Assignee.subject_id, Membership.user_id) for kind, holds in positions.items()]
        any_of = kinds[0]
        for kind in kinds[1:]:
            any_of |= kind
        return fn.EXISTS(Assignee.select(Assignee.approval_id).where(Assignee.approval_id == Approval.id, any_of, *levels))

    def _kinds(self, moment: Any) -> Mapping[str, Callable[[Any, Any], Any]]:
        """How each type of assignee means somebody."""
        return {
            USER: lambda subject_id, user_id: subject_id == user_id,
            TEAM: _is_member,
            ROLE: lambda subject_id, user_id: _holds(user_id, moment, Grant.role_id == subject_id),
            OWNER: lambda subject_id, user_id: _holds(user_id, moment, Grant.role_id.in_(_owner_roles())),
            PERMISSION: lambda subject_id, user_id: _holds(user_id, moment, Grant.role_id.in_(self._deciding_roles())),
            **{kind: position.is_held for kind, position in positions_of(self._app).items()},
        }

    def _deciding_roles(self) -> Any:
        built_in = [name for name, permissions in self._app.rights.built_in.items() if DECIDE in permissions]
        named = peewee.NodeList((Role.permissions, peewee.SQL("LIKE"), peewee.Value(f'%"{DECIDE}"%', converter=False)))
        return Role.select(Role.id).where((Role.built_in & Role.name.in_(built_in)) | (~Role.built_in & named))


def _seen(where: Condition) -> Any:
    return Approval.select(Approval.id).where(Approval.id == Bind("approval"), where.with_binds())


def _me(user_id: str) -> dict[str, str]:
    return {"me": user_id, "moment": to_text(now())}


def _stands_for(me: Any, moment: Any) -> Any:
    """Return whether the member is the caller, or one they stand in for."""
    lent = Delegation.select(Delegation.from_user_id).where(Delegation.to_user_id == me, Delegation.expires_at > moment)
    return Membership.user_id.in_(lent.union_all(peewee.Select(columns=[me])))


def _is_member(team_id: Any, user_id: Any) -> Any:
    return fn.EXISTS(TeamMember.select(TeamMember.id).where(TeamMember.team_id == team_id, TeamMember.user_id == user_id))


def _owner_roles() -> Any:
    return Role.select(Role.id).where(Role.built_in, Role.name == "owner")


def _holds(user_id: Any, moment: Any, role: Any, *, anywhere: bool = False) -> Any:
    """Whether the user, or a team of theirs, holds such a role: at a place that the approval's project is in, unless `anywhere` will do."""
    subjects = grants.subjects_of(user_id).alias("subject")
    held = Grant.select(Grant.id).join(subjects, peewee.JOIN.INNER, on=(subjects.c.id == Grant.subject_id))
    held = held.where(role, grants.in_force(moment))
    if anywhere:
        return fn.EXISTS(held)
    # No join with the places, or else PostgreSQL begins with them.
    place, here = (Node.select(Node.path).where(Node.id == of) for of in (Approval.project_id, Grant.node_id))
    reaches = (Grant.node_id == Approval.organization_id) | (fn.SUBSTR(place, 1, fn.LENGTH(here)) == here)
    return fn.EXISTS(held.where(reaches))
