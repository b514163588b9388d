"""Access to an app: for holders of the permission at its project, and those that it is shared with."""

from collections.abc import Mapping, Sequence
from typing import Any

from aasim_core.access import tree
from aasim_core.access.members import is_member
from aasim_core.access.records import Team, TeamMember
from aasim_core.access.rights import Rights
from aasim_core.data import records
from aasim_core.data.conditions import Condition, all_of, any_of
from aasim_core.errors import Invalid, Problem
from aasim_core.ids import is_id

from ..models import ConnectedApp, Share

READ, USE = "connected_apps:read", "connected_apps:use"
NODE, TEAM, USER = KINDS = ("node", "team", "user")
#: What a share gives to those who hold the permission at all.
_SHARED = (READ, USE)


def allows(rights: Rights, permission: str, row: ConnectedApp, user_id: str) -> bool:
    """Whether the permission is held at the app's place, or is one that goes with a share that they have."""
    if rights.allows_at(permission, row.project_id):
        return True
    is_shared = bool(row.shared_with) and permission in _SHARED and rights.has_anywhere(permission)
    return is_shared and any(_reaches(rights, permission, share, user_id) for share in row.shared_with)


def _reaches(rights: Rights, permission: str, share: Mapping[str, str], user_id: str) -> bool:
    target = share["id"]
    if share["type"] != NODE and rights.confined:
        return False  # a key limited to nodes does not get what is shared with people
    if share["type"] == USER:
        return target == user_id
    if share["type"] == TEAM:
        return bool(TeamMember.select(TeamMember.id).where(TeamMember.team_id == target, TeamMember.user_id == user_id).exists())
    return rights.allows_at(permission, target)


def reach(rights: Rights, user_id: str) -> list[Condition]:
    """The same for lists, as a condition."""
    own = rights.reach_condition(READ, ConnectedApp, "project_id")
    if not own:
        return []
    to_place = all_of(Condition(_is_to_a_node), *rights.reach_condition(READ, Share, "target_id"))
    ways = [to_place] if rights.confined else [Condition(_is_to, me=user_id), Condition(_is_to_a_team_of, me=user_id), to_place]
    share = any_of(*ways)
    is_mine = share.expression

    def is_shared(**binds: Any) -> Any:
        return ConnectedApp.id.in_(Share.select(Share.app_id).where(is_mine(**binds)))

    return [any_of(*own, Condition(is_shared, **share.values))]


def _is_to_a_node() -> Any:
    return Share.kind == NODE


def _is_to(me: Any) -> Any:
    return (Share.kind == USER) & (Share.target_id == me)


def _is_to_a_team_of(me: Any) -> Any:
    teams = TeamMember.select(TeamMember.team_id).where(TeamMember.user_id == me)
    return (Share.kind == TEAM) & Share.target_id.in_(teams)


def refuse_strangers(rights: Rights, shared_with: Sequence[Mapping[str, str]]) -> None:
    """Invalid for a share with a node, team or user that is not there for the caller."""
    strange = [number for number, share in enumerate(shared_with) if not _is_there(rights, share)]
    if strange:
        problem = Problem("invalid_reference", "There is nothing of this type and id in the organization.")
        raise Invalid({f"shared_with[{number}].id": [problem] for number in strange})


def _is_there(rights: Rights, share: Mapping[str, str]) -> bool:
    target = share["id"]
    if share["type"] == USER:
        return is_id(target, "user") and is_member(target)
    if share["type"] == TEAM:
        return is_id(target, "team") and records.find_or_none(Team, target) is not None
    return rights.knows(target)


def write_shares(row: ConnectedApp) -> None:
    """Index for lists with whom the app is shared. Needs a transaction."""
    Share.delete().where(Share.app_id == row.id).execute()
    for share in row.shared_with:
        records.create(Share, app_id=row.id, kind=share["type"], target_id=share["id"])


def is_place(rights: Rights, permission: str, project_id: str) -> bool:
    """Whether it is a project where the caller may do that."""
    return tree.kind_of(project_id) == "project" and rights.allows_at(permission, project_id)
