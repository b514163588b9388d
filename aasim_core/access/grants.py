"""Grant and revoke roles; `delegation` decides who may."""

from datetime import datetime
from typing import Any

import peewee

from ..clock import now
from ..context import current_organization
from ..data.records import create, find, remove
from ..data.statements import Bind
from ..errors import Refused
from ..tenancy import epoch
from ..tenancy.records import Membership, User
from .records import Grant, Node, Role, Team, TeamMember


def grant(
    subject_type: str,
    subject_id: str,
    role: Role,
    node_id: str | None = None,
    *,
    created_by: str | None = None,
    expires_at: datetime | None = None,
    source: str = "direct",
) -> Grant:
    """Grant the user, team or API key the role at the node, or in the whole organization. Needs a transaction.

    An existing grant gets the new expiry; Refused ``last_owner`` where that ends the last ownership.
    """
    epoch.bump(current_organization())  # first, to serialize identical grants and deletions of role or node
    place = {
        "subject_id": subject_id,
        "role_id": find(Role, role.id).id,
        "node_id": find(Node, node_id or current_organization()).id,
    }
    known: Grant | None = Grant.get_or_none(**place)
    if known is None:
        new: Grant = create(
            Grant, subject_type=subject_type, expires_at=expires_at, source=source, created_by=created_by, **place
        )
        return new
    if known.expires_at != expires_at:
        if is_ownership(known):
            require_other_owner(known.subject_id)
        Grant.update(expires_at=expires_at, updated_at=now(), version=Grant.version + 1).where(Grant.id == known.id).execute()
    return known


def revoke(grant_id: str) -> Grant:
    """Revoke a role; Refused ``last_owner`` where it is the last owner's."""
    taken: Grant = find(Grant, grant_id)
    if is_ownership(taken):
        require_other_owner(taken.subject_id)
    remove(taken)
    epoch.bump(current_organization())
    return taken


def revoke_all(subject_id: str) -> None:
    """Revoke every role of a user, team or key that is deleted, and remove a user from their teams, which counts as a change of these.

    Refused ``last_owner`` where that is the last owner.
    """
    if Grant.select().where(Grant.subject_id == subject_id).where(_owning()).exists():
        require_other_owner(subject_id)
    Grant.delete().where(Grant.subject_id == subject_id).execute()
    joined = TeamMember.select(TeamMember.team_id).where(TeamMember.user_id == subject_id)
    Team.update(version=Team.version + 1, updated_at=now()).where(Team.id.in_(joined)).execute()
    TeamMember.delete().where(TeamMember.user_id == subject_id).execute()
    epoch.bump(current_organization())


def in_force(moment: datetime | Bind) -> Any:
    """Match grants that have not expired at that moment."""
    return Grant.expires_at.is_null() | (Grant.expires_at > moment)


def subjects_of(user_id: Any) -> Any:
    """Return a query of the ids whose grants apply to the user: their own and their teams'. `user_id` may be an expression for the id.

    PostgreSQL finds the grants of such a set by an index, but for an OR it reads all grants of the organization, and likewise for an inner
    join that begins with the nodes.
    """
    teams = TeamMember.select(TeamMember.team_id.alias("id")).where(TeamMember.user_id == user_id)
    return teams.union_all(peewee.Select(columns=[user_id]))


def is_ownership(held: Grant) -> bool:
    """Return whether the grant makes its holder an owner."""
    return bool(Grant.select().where(Grant.id == held.id).where(_owning()).exists())


def owns(user_id: str, until: datetime | None) -> bool:
    """Return whether the user owns the organization, at least until then; None means without end."""
    lasting = Grant.expires_at.is_null() if until is None else Grant.expires_at.is_null() | (Grant.expires_at >= until)
    return bool(Grant.select(Grant.id).where(Grant.subject_id == user_id, _of_an_owner(), lasting).exists())


def lasting_owners() -> list[str]:
    """Return the ids of the active members who can log in and own the organization permanently, in order."""
    query: Any = _lasting_owners().order_by(Grant.subject_id)
    return [owner.subject_id for owner in query]


def require_other_owner(user_id: str) -> None:
    """Refused ``last_owner`` unless another active member who can log in owns the organization permanently. Needs a transaction.

    Two owners who leave concurrently are serialized here, and the second is the last one.
    """
    epoch.bump(current_organization())
    if not _lasting_owners().where(Grant.subject_id != user_id).exists():
        raise Refused("last_owner", "This is the last owner; make somebody else an owner first.")


def _lasting_owners() -> Any:
    owners = Grant.select(Grant.subject_id).join(Membership, on=(Membership.user_id == Grant.subject_id))
    owners = owners.join(User, on=(User.id == Grant.subject_id)).where(_owning(), Membership.status == "active")
    return owners.where(User.kind == "person", User.status == "active")


def _owning() -> Any:
    return _of_an_owner() & Grant.expires_at.is_null()


def _of_an_owner() -> Any:
    owner = Role.select(Role.id).where(Role.built_in & (Role.name == "owner"))
    root = peewee.Value(current_organization())
    return (Grant.subject_type == "user") & Grant.role_id.in_(owner) & (Grant.node_id == root)
