"""Giving and taking roles."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import peewee

from ..clock import now
from ..context import current_organization
from ..data.records import create, find, remove
from ..errors import Invalid, Problem, Refused
from . import epoch
from .records import Grant, Membership, Node, Role, TeamMember
from .rights import Rights


def grant(
    subject_type: str,
    subject_id: str,
    role: Role,
    node_id: str | None = None,
    *,
    granted_by: str | None = None,
    expires_at: datetime | None = None,
    source: str = "direct",
) -> Grant:
    """Give the user, team or API key the role at the node, or in the whole organization. Needs a transaction.

    A grant that is there already gets the new expiry.
    """
    place = {"subject_id": subject_id, "role_id": role.id, "node_id": node_id or current_organization()}
    known: Grant | None = Grant.get_or_none(**place)
    if known is None:
        known = create(Grant, subject_type=subject_type, expires_at=expires_at, source=source, granted_by=granted_by, **place)
    else:
        Grant.update(expires_at=expires_at, updated_at=now(), version=Grant.version + 1).where(Grant.id == known.id).execute()
    epoch.bump(current_organization())
    return known


def require_may_grant(rights: Rights, role: Role, node_id: str | None, built_in: Mapping[str, frozenset[str]]) -> None:
    """Refuse to give away what the giver does not hold at that node; Invalid where there is no such node."""
    if node_id is not None and Node.get_or_none(Node.id == node_id) is None:
        raise Invalid({"resource_id": [Problem("invalid_reference", "There is no such place in the organization.")]})
    held = built_in[role.name] if role.built_in else frozenset(role.permissions)
    if role.built_in and role.name == "owner" and node_id not in (None, current_organization()):
        raise Invalid({"resource_id": [Problem("invalid_reference", "An owner owns the whole organization.")]})
    if not rights.holds_all(held, node_id):
        raise Refused("permission_denied", "The role allows more than you may do there; nobody grants what they do not hold.")


def revoke(grant_id: str) -> Grant:
    """Take a role back; Refused ``last_owner`` where it is the last owner's."""
    taken: Grant = find(Grant, grant_id)
    if is_ownership(taken):
        require_other_owner(taken.subject_id)
    remove(taken)
    epoch.bump(current_organization())
    return taken


def revoke_all(subject_id: str) -> None:
    """Take every role back from a user, team or key that goes away; Refused ``last_owner`` where that is the last owner."""
    if Grant.select().where(Grant.subject_id == subject_id).where(_owning()).exists():
        require_other_owner(subject_id)
    Grant.delete().where(Grant.subject_id == subject_id).execute()
    TeamMember.delete().where(TeamMember.user_id == subject_id).execute()
    epoch.bump(current_organization())


def is_ownership(held: Grant) -> bool:
    """Whether the grant makes its holder an owner."""
    return bool(Grant.select().where(Grant.id == held.id).where(_owning()).exists())


def require_other_owner(user_id: str) -> None:
    """Refused ``last_owner`` unless another active member owns the organization for good."""
    others = (
        Grant.select(Grant.id)
        .join(Membership, on=(Membership.user_id == Grant.subject_id))
        .where(_owning(), Grant.subject_id != user_id, Membership.status == "active")
    )
    if not others.exists():
        raise Refused("last_owner", "This is the last owner; make somebody else an owner first.")


def _owning() -> Any:
    owner = Role.select(Role.id).where(Role.built_in & (Role.name == "owner"))
    root = peewee.Value(current_organization())
    return (Grant.subject_type == "user") & Grant.role_id.in_(owner) & (Grant.node_id == root) & Grant.expires_at.is_null()
