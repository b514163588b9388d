"""Check references to members of an organization."""

from collections.abc import Sequence

from ..errors import Invalid, Problem
from ..tenancy.records import Membership
from .delegation import Delegator

#: The permission to see members at a node; declared by the plugin users.
READ = "users:read"


def is_member(user_id: str) -> bool:
    """Return whether the user is an active member of the organization in scope."""
    known = Membership.select(Membership.id).where(Membership.user_id == user_id, Membership.status == "active")
    return bool(known.exists())


def visible(caller: Delegator, user_ids: Sequence[str]) -> set[str]:
    """Return those of the users who are visible to the caller: members that they may read, and themselves."""
    place = (Membership.user_id, Membership.department_id, Membership.branch_id)
    found = Membership.select(*place).where(Membership.user_id.in_(list(user_ids)))
    return {
        each.user_id
        for each in found
        if each.user_id == caller.user_id or _may_read(caller, each.department_id or each.branch_id)
    }


def require_visible_member(caller: Delegator, user_id: str | None, field: str) -> None:
    """Invalid, of `field`, where the user is not an active member, or not visible to the caller."""
    require_member(user_id, field)
    if user_id is not None and user_id not in visible(caller, [user_id]):
        raise no_member(field)


def _may_read(caller: Delegator, place: str | None) -> bool:
    """Return whether the caller may see members at the node; where that plugin is disabled, whether they may do everything there."""
    everything = caller.built_in["owner"]
    return caller.rights.holds_all((READ,) if READ in everything else everything, place)


def require_member(user_id: str | None, field: str) -> None:
    """Invalid, of `field`, where the user is not an active member of the organization."""
    if user_id is not None and not is_member(user_id):
        raise no_member(field)


def no_member(field: str) -> Invalid:
    """Return the error for a user who is not an active member, or not visible to the caller."""
    return Invalid({field: [Problem("invalid_reference", "There is no such active member of the organization.")]})
