"""Operations on teams: members, leads, and the roles that members hold through the team."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from aasim_core.access import tree
from aasim_core.access.delegation import Delegator
from aasim_core.access.members import visible
from aasim_core.access.records import Grant, Team, TeamMember
from aasim_core.clock import now
from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.errors import Invalid, Problem, not_found
from aasim_core.events.log import emit
from aasim_core.ids import is_id
from aasim_core.tenancy import epoch
from aasim_core.tenancy.records import Membership
from aasim_core.text.slugs import free_slug, slug_of

LEAD, MEMBER = "lead", "member"
#: Who can be what in a team, by their state in the organization.
STATES = {LEAD: ("active", "invited"), MEMBER: ("active", "invited", "suspended")}
_STRANGER = "There is no such member of the organization."


@dataclass(frozen=True)
class Joined:
    """What became of one user who was to be a member."""

    user_id: str
    status: str
    team_role: str | None
    message: str
    code: str | None = None


def create(values: Mapping[str, Any], granter: Delegator) -> Team:
    """Write a new team, which is a place in the tree; its lead is a member."""
    slug = values.get("slug") or _slug_for(values["name"])
    team: Team = records.create(Team, **{**values, "slug": slug})
    tree.add("team", team.id)
    emit("teams.created", team)
    _join_lead(team, granter)
    return team


def change(team: Team, values: Mapping[str, Any], granter: Delegator) -> Team:
    """Write what differs; a new lead becomes a member, and the one before stays one."""
    epoch.bump(current_organization())  # first, so that who makes somebody else the lead meanwhile waits for this
    former_id = team.lead_id
    changed = records.change(team, values)
    if changed:
        emit("teams.updated", team, changes=changed)
    if "lead_id" in changed:
        _step_back(team, former_id)
        _join_lead(team, granter)
    return team


def remove(team: Team, granter: Delegator) -> None:
    """Delete the team, with its memberships, what it held, and what was held at it."""
    epoch.bump(current_organization())  # first, so that who joins or is given something meanwhile waits for this
    granter.require_grants_of(team.id)
    gone = TeamMember.delete().where(TeamMember.team_id == team.id).execute()
    taken = Grant.delete().where(Grant.subject_id == team.id).execute()
    tree.fell(team.id)
    records.remove(team)
    emit("teams.deleted", team, data={"members": gone, "grants": taken})


def require_lead(team: Team | None, user_id: str, granter: Delegator) -> None:
    """Invalid where the team, or a new one, cannot get this lead from the granter."""
    if not _candidates(team, [user_id], LEAD, granter):
        raise Invalid({"lead_id": [Problem("invalid_reference", _STRANGER)]})


def add(team: Team, user_ids: Sequence[str], team_role: str, granter: Delegator) -> list[Joined]:
    """Make the users members, or give members another role in the team; what they get is what the granter could give.

    Somebody who is not there for the granter is refused like nobody.
    """
    return _admit(_latest(team, granter), user_ids, team_role, _candidates(team, user_ids, team_role, granter))


def add_one(team: Team, user_id: str, team_role: str, granter: Delegator) -> list[Joined]:
    """The same for one user; Invalid for somebody who cannot be a member."""
    if not _candidates(team, [user_id], team_role, granter):
        raise Invalid({"user_id": [Problem("invalid_reference", _STRANGER)]})
    return add(team, [user_id], team_role, granter)


def admit(team: Team, user_id: str, team_role: str, granter: Delegator) -> None:
    """Add somebody whom the granter has just created as a member, or was allowed to name."""
    _admit(_latest(team, granter), [user_id], team_role, _known([user_id], team_role))


def find_member(team: Team, user_id: str) -> TeamMember:
    """The member of the team; raises the one 404."""
    member = _members(team, [user_id]).get(user_id) if is_id(user_id, "user") else None
    if member is None:
        raise not_found()
    return member


def expel(team: Team, member: TeamMember, granter: Delegator) -> None:
    """End the membership in the team, and with it what came only through the team."""
    team = _latest(team, granter)
    records.remove(member)
    _touch(team, _lead_after(team, {member.user_id}, MEMBER))
    _tell_removed(team, member)


def tell_left(user_id: str) -> None:
    """Emit that the user, who leaves the organization, is no member of their teams any more."""
    for member in TeamMember.select().where(TeamMember.user_id == user_id):
        _tell_removed(Team.get_by_id(member.team_id), member)


def _tell_removed(team: Team, member: TeamMember) -> None:
    emit("teams.member_removed", team, data={"user_id": member.user_id, "team_role": member.team_role})


def _join_lead(team: Team, granter: Delegator) -> None:
    if team.lead_id is not None:
        admit(team, team.lead_id, LEAD, granter)


def _latest(team: Team, granter: Delegator) -> Team:
    """Return the team, locked against changes of its members and deletion.

    Refused for callers who could not grant what it holds.
    """
    granter.require_grants_of(team.id)
    epoch.bump(current_organization())
    latest: Team = records.find(Team, team.id)
    return latest


def _admit(team: Team, user_ids: Sequence[str], team_role: str, known: Set[str]) -> list[Joined]:
    members, lead_id = _members(team, user_ids), _lead_after(team, known, team_role)
    joined = [
        _join(team, user_id, team_role, members.get(user_id)) if user_id in known else _refused(user_id) for user_id in user_ids
    ]
    if lead_id != team.lead_id:
        _step_back(team, team.lead_id)
    if lead_id != team.lead_id or any(each.status in ("added", "changed") for each in joined):
        _touch(team, lead_id)
    return joined


def _lead_after(team: Team, user_ids: Set[str], team_role: str) -> str | None:
    """Who leads the team when these have that role in it, or are no members any more."""
    if team_role == LEAD and user_ids:
        return next(iter(user_ids))
    lead_id: str | None = None if team.lead_id in user_ids else team.lead_id
    return lead_id


def _step_back(team: Team, former_id: str | None) -> None:
    """Make who has led the team a member like others."""
    member = _members(team, [former_id]).get(former_id) if former_id is not None else None
    if member is not None:
        _join(team, member.user_id, MEMBER, member)


def _join(team: Team, user_id: str, team_role: str, member: TeamMember | None) -> Joined:
    if member is None:
        records.create(TeamMember, team_id=team.id, user_id=user_id, team_role=team_role)
        emit("teams.member_added", team, data={"user_id": user_id, "team_role": team_role})
        return Joined(user_id, "added", team_role, "Is a member now.")
    if not records.change(member, {"team_role": team_role}):
        return Joined(user_id, "unchanged", team_role, "Was so already.")
    emit("teams.member_changed", team, data={"user_id": user_id, "team_role": team_role})
    return Joined(user_id, "changed", team_role, f"Is a {team_role} now.")


def _refused(user_id: str) -> Joined:
    return Joined(user_id, "refused", None, _STRANGER, "invalid_reference")


def _candidates(team: Team | None, user_ids: Sequence[str], team_role: str, granter: Delegator) -> set[str]:
    """Those of the users to whom the granter can give the role in the team: they see them, or the team has them already."""
    seen = visible(granter, user_ids)
    return _known(user_ids, team_role) & (seen if team is None else seen | _members(team, user_ids).keys())


def _known(user_ids: Sequence[str], team_role: str) -> set[str]:
    """Those of the users who belong to the organization, in a state in which one can be that in a team."""
    found = Membership.select(Membership.user_id).where(
        Membership.user_id.in_(list(user_ids)), Membership.status.in_(STATES[team_role])
    )
    return {each.user_id for each in found}


def _members(team: Team, user_ids: Sequence[str]) -> dict[str, TeamMember]:
    found = TeamMember.select().where(TeamMember.team_id == team.id, TeamMember.user_id.in_(list(user_ids)))
    return {member.user_id: member for member in found}


def _touch(team: Team, lead_id: str | None) -> None:
    """Count a change of members as a change of the team, whose responses contain their number and the lead."""
    before = team.lead_id
    records.compare_and_set(team, {}, {"version": team.version + 1, "updated_at": now(), "lead_id": lead_id})
    if lead_id != before:
        emit("teams.updated", team, changes={"lead_id": [before, lead_id]})


def _slug_for(name: str) -> str:
    lock = records.database_of(Team).lock
    return free_slug(slug_of(name, "team"), _has_slug, lock, f"teams in {current_organization()}")


def _has_slug(slug: str) -> bool:
    return bool(Team.select(Team.id).where(Team.slug == slug).exists())
