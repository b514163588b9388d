"""The assignees that include a person: the user, their teams, their roles with their nodes, and their positions.

These are few, so lists begin with them and find approvals by the index of the assignees, instead of asking about every approval.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import peewee

from aasim_core.access.records import Grant, Node, Role, TeamMember
from aasim_core.access.tree import root_path
from aasim_core.clock import now, to_text
from aasim_core.context import current_organization
from aasim_core.data.records import database_of
from aasim_core.data.statements import Bind
from aasim_core.tenancy.records import Membership

from ..models import HEAD, MANAGER, OWNER, PERMISSION, ROLE, TEAM, USER, Approval, Delegation
from .positions import positions_of

if TYPE_CHECKING:
    from aasim_core import App

DECIDE = "hitl_approvals:decide"
_MEMBER, _GRANT = "member", "grant"
_TEXTS = {
    "": peewee.SQL("''"), _MEMBER: peewee.SQL("'member'"), _GRANT: peewee.SQL("'grant'"), TEAM: peewee.SQL("'team'"),
    HEAD: peewee.SQL("'department_head'"), MANAGER: peewee.SQL("'branch_manager'"),
}  # fmt: skip


@dataclass
class Meaning:
    """What means one member: ids of assignees by their type, and, for roles that are held at a place, the paths of these places.

    `is_active` says that they are an active member, and `may_decide` that they may decide approvals somewhere.
    """

    user_id: str
    is_active: bool
    may_decide: bool = False
    anywhere: dict[str, set[str]] = field(default_factory=dict)
    placed: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def add(self, kind: str, subject_id: str, path: str | None = None) -> None:
        """Note one; without a `path` it counts in the whole organization."""
        if path is None:
            self.anywhere.setdefault(kind, set()).add(subject_id)
        else:
            self.placed.setdefault((kind, subject_id), set()).add(path)


def meanings_of(app: "App", user_id: str) -> list[Meaning]:
    """Return the assignments that match the user, and those that match each member they stand in for."""
    members: dict[str, Meaning] = {}
    groups: dict[str, list[Meaning]] = {}
    for source, subject_id, *facts in _rows(app, user_id):
        if source == _MEMBER:
            members[subject_id] = meaning = Meaning(subject_id, facts[0] == "active")
            meaning.add(USER, subject_id)
            groups[subject_id] = [meaning]
        elif source == _GRANT:
            for meaning in groups.get(subject_id, ()):
                _add_role(app, meaning, *facts)
        elif subject_id in members:
            members[subject_id].add(source, facts[0])
            groups.setdefault(facts[0], []).append(members[subject_id])
    return list(members.values())


def _add_role(app: "App", meaning: Meaning, role_id: str, built_in: str, permissions: str, path: str) -> None:
    held = app.rights.built_in.get(built_in, ()) if built_in else orjson.loads(permissions)
    kinds = [(ROLE, role_id)]
    if built_in == "owner":
        kinds.append((OWNER, ""))
    if DECIDE in held:
        meaning.may_decide = True
        kinds.append((PERMISSION, ""))
    place = None if path == root_path(current_organization()) else path
    for kind, subject_id in kinds:
        meaning.add(kind, subject_id, place)


def _rows(app: "App", user_id: str) -> Sequence[Any]:
    """What is known of the members: in which teams they are, what they and these hold, and where they stand; members come first."""
    positions = tuple((kind, each.holder, each.place) for kind, each in positions_of(app).items())
    database = database_of(Approval)
    values = {"me": user_id, "moment": to_text(now())}
    rows = database.statement(_facts, positions, plans_each_time=True).run(database, values).fetchall()
    return sorted(rows, key=lambda row: (row[0] != _MEMBER, row[0] == _GRANT))


def _facts(positions: Sequence[tuple[str, Any, Any]]) -> Any:
    """Rows of source, member or team, and four facts that the source has of it, in one statement."""
    found = _row(_MEMBER, Membership.user_id, Membership.status)
    for source, user_id, fact in ((TEAM, TeamMember.user_id, TeamMember.team_id), *positions):
        found = found.union_all(_row(source, user_id, fact))
    return found.union_all(_grants())


def _row(source: str, user_id: Any, fact: Any) -> Any:
    nothing = [_TEXTS[""]] * 3
    return user_id.model.select(_TEXTS[source], user_id, fact, *nothing).where(user_id.in_(_seats()))


def _grants() -> Any:
    teams = TeamMember.select(TeamMember.team_id).where(TeamMember.user_id.in_(_seats()))
    lasts = Grant.expires_at.is_null() | (Grant.expires_at > Bind("moment"))
    built_in = peewee.Case(None, ((Role.built_in, Role.name),), _TEXTS[""])
    return (
        Grant.select(_TEXTS[_GRANT], Grant.subject_id, Role.id, built_in, Role.permissions, Node.path)
        .join(Role, peewee.JOIN.INNER, on=(Role.id == Grant.role_id))
        .join_from(Grant, Node, peewee.JOIN.INNER, on=(Node.id == Grant.node_id))
        .where(Grant.subject_id.in_(_seats().union_all(teams)), lasts)
    )


def _seats() -> Any:
    """Return a query of the caller's id, and those of the members they stand in for."""
    lent = Delegation.select(Delegation.from_user_id).where(
        Delegation.to_user_id == Bind("me"), Delegation.expires_at > Bind("moment")
    )
    return lent.union_all(peewee.Select(columns=[Bind("me")]))
