"""The members of an organization, where something names one of them."""

from ..errors import Invalid, Problem
from .records import Membership


def is_member(user_id: str) -> bool:
    """Whether the user is an active member of the organization in scope."""
    known = Membership.select(Membership.id).where(Membership.user_id == user_id, Membership.status == "active")
    return bool(known.exists())


def require_member(user_id: str | None, field: str) -> None:
    """Invalid, of `field`, where it names somebody who is no active member of the organization."""
    if user_id is not None and not is_member(user_id):
        raise no_member(field)


def no_member(field: str) -> Invalid:
    """What is answered for somebody who is no active member, or not one that the caller may know of."""
    return Invalid({field: [Problem("invalid_reference", "There is no such active member of the organization.")]})
