"""The members of an organization, where something names one of them."""

from collections.abc import Sequence

from ..errors import Invalid, Problem
from ..tenancy.records import Membership
from .delegation import Delegator

#: What lets somebody see the members who stand at a place; the plugin users declares it.
READ = "users:read"


def is_member(user_id: str) -> bool:
    """Whether the user is an active member of the organization in scope."""
    known = Membership.select(Membership.id).where(Membership.user_id == user_id, Membership.status == "active")
    return bool(known.exists())


def visible(caller: Delegator, user_ids: Sequence[str]) -> set[str]:
    """Those of the users who are there for the caller: the members where these may be read, and themselves."""
    place = (Membership.user_id, Membership.department_id, Membership.branch_id)
    found = Membership.select(*place).where(Membership.user_id.in_(list(user_ids)))
    return {
        each.user_id
        for each in found
        if each.user_id == caller.user_id or _may_read(caller, each.department_id or each.branch_id)
    }


def require_visible_member(caller: Delegator, user_id: str | None, field: str) -> None:
    """Invalid, of `field`, where it names somebody who is no active member, or not there for the caller."""
    require_member(user_id, field)
    if user_id is not None and user_id not in visible(caller, [user_id]):
        raise no_member(field)


def _may_read(caller: Delegator, place: str | None) -> bool:
    """Whether the caller may see who stands there; where that plugin is off, whoever may do everything there."""
    everything = caller.built_in["owner"]
    return caller.rights.holds_all((READ,) if READ in everything else everything, place)


def require_member(user_id: str | None, field: str) -> None:
    """Invalid, of `field`, where it names somebody who is no active member of the organization."""
    if user_id is not None and not is_member(user_id):
        raise no_member(field)


def no_member(field: str) -> Invalid:
    """What is answered for somebody who is no active member, or not one that the caller may know of."""
    return Invalid({field: [Problem("invalid_reference", "There is no such active member of the organization.")]})
