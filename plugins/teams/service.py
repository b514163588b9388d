"""What teams do: they have members, who hold what the team holds."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from aasim_core.access import epoch, tree
from aasim_core.access.delegation import Delegator
from aasim_core.access.members import visible
from aasim_core.access.records import Grant, Membership, Team, TeamMember
from aasim_core.clock import now
from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.errors import Invalid, Problem, not_found
from aasim_core.events.log import emit
from aasim_core.ids import is_id
from aasim_core.slugs import free_slug, slug_of

MEMBER_STATES = ("active", "invited", "suspended")
_STRANGER = "There is no such member of the organization."


@dataclass(frozen=True)
class Joined:
    """What became of one user who was to be a member."""

    user_id: str
    status: str
    team_role: str | None
    message: str
    code: str | None = None


def create(values: Mapping[str, Any], giver: Delegator) -> Team:
    """Write a new team, which is a place in the tree; its lead is a member."""
    slug = values.get("slug") or free_slug(slug_of(values["name"], "team"), _has_slug)
    team: Team = records.create(Team, **{**values, "slug": slug})
    tree.add("team", team.id)
    emit("teams.created", team)
    _join_lead(team, giver)
    return team


def change(team: Team, values: Mapping[str, Any], giver: Delegator) -> Team:
    """Write what differs; a new lead becomes a member."""
    changed = records.change(team, values)
    if changed:
        emit("teams.updated", team, changes=changed)
    if "lead_id" in changed:
        _join_lead(team, giver)
    return team


def remove(team: Team, giver: Delegator) -> None:
    """Delete the team, with its memberships, what it held, and what was held at it."""
    epoch.bump(current_organization())  # first, so that who joins or is given something meanwhile waits for this
    giver.require_grants_of(team.id)
    gone = TeamMember.delete().where(TeamMember.team_id == team.id).execute()
    taken = Grant.delete().where(Grant.subject_id == team.id).execute()
    tree.fell(team.id)
    records.remove(team)
    emit("teams.deleted", team, data={"members": gone, "grants": taken})


def require_lead(team: Team | None, user_id: str, giver: Delegator) -> None:
    """Invalid where the team, or a new one, cannot get this lead from the giver."""
    if not _candidates(team, [user_id], giver):
        raise Invalid({"lead_id": [Problem("invalid_reference", _STRANGER)]})


def add(team: Team, user_ids: Sequence[str], team_role: str, giver: Delegator) -> list[Joined]:
    """Make the users members, or give members another role in the team; what they get is what the giver could give.

    Somebody who is not there for the giver is refused like nobody.
    """
    _wait_for(team, giver)
    return _admit(team, user_ids, team_role, _candidates(team, user_ids, giver))


def add_one(team: Team, user_id: str, team_role: str, giver: Delegator) -> list[Joined]:
    """The same for one user; Invalid for somebody who cannot be a member."""
    if not _candidates(team, [user_id], giver):
        raise Invalid({"user_id": [Problem("invalid_reference", _STRANGER)]})
    return add(team, [user_id], team_role, giver)


def admit(team: Team, user_id: str, team_role: str, giver: Delegator) -> None:
    """The same for somebody whom the giver has just made a member, or has been allowed to name."""
    _wait_for(team, giver)
    _admit(team, [user_id], team_role, _known([user_id]))


def find_member(team: Team, user_id: str) -> TeamMember:
    """The member of the team; raises the one 404."""
    member = _members(team, [user_id]).get(user_id) if is_id(user_id, "user") else None
    if member is None:
        raise not_found()
    return member


def expel(team: Team, member: TeamMember, giver: Delegator) -> None:
    """End the membership in the team, and with it what came only through the team."""
    giver.require_grants_of(team.id)
    records.remove(member)
    epoch.bump(current_organization())
    _touch(team, **({"lead_id": None} if team.lead_id == member.user_id else {}))
    emit("teams.member_removed", team, data={"user_id": member.user_id, "team_role": member.team_role})


def _join_lead(team: Team, giver: Delegator) -> None:
    if team.lead_id is not None:
        admit(team, team.lead_id, "lead", giver)


def _wait_for(team: Team, giver: Delegator) -> None:
    """Wait for those who change the same or delete the team, or let them wait; Refused for who could not give what it holds."""
    giver.require_grants_of(team.id)
    epoch.bump(current_organization())
    records.find(Team, team.id)


def _admit(team: Team, user_ids: Sequence[str], team_role: str, known: Set[str]) -> list[Joined]:
    members = _members(team, user_ids)
    joined = [
        _join(team, user_id, team_role, members.get(user_id)) if user_id in known else _refused(user_id) for user_id in user_ids
    ]
    if any(each.status in ("added", "changed") for each in joined):
        _touch(team)
    return joined


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


def _candidates(team: Team | None, user_ids: Sequence[str], giver: Delegator) -> set[str]:
    """Those of the users whom the giver can make members: they see them, or the team has them already."""
    seen = visible(giver, user_ids)
    return _known(user_ids) & (seen if team is None else seen | _members(team, user_ids).keys())


def _known(user_ids: Sequence[str]) -> set[str]:
    """Those of the users who belong to the organization."""
    found = Membership.select(Membership.user_id).where(
        Membership.user_id.in_(list(user_ids)), Membership.status.in_(MEMBER_STATES)
    )
    return {each.user_id for each in found}


def _members(team: Team, user_ids: Sequence[str]) -> dict[str, TeamMember]:
    found = TeamMember.select().where(TeamMember.team_id == team.id, TeamMember.user_id.in_(list(user_ids)))
    return {member.user_id: member for member in found}


def _touch(team: Team, **values: Any) -> None:
    """Count the change of members as one of the team, whose answers say how many there are."""
    records.compare_and_set(team, {}, {"version": team.version + 1, "updated_at": now(), **values})


def _has_slug(slug: str) -> bool:
    return bool(Team.select(Team.id).where(Team.slug == slug).exists())
