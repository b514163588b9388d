"""Invitations to join an organization, accepted by a link that is sent only to the invitee's address.

The invitee is a member in the state `INVITED` from the start, under a reserved id to which roles, teams and other references can be
assigned. Registering with the link gives the new account that id. An existing account joins under its own id, and the references are
transferred to it; until then no response reveals whether such an account exists.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from ..access.records import Grant, TeamMember
from ..clock import now
from ..context import organization_scope
from ..data import records, references
from ..data.records import Row, create
from ..errors import Invalid, Problem, Refused
from ..ids import new_id
from ..tenancy import epoch, people
from ..tenancy.records import ACTIVE, Membership, Organization
from . import links
from .records import Invitation

#: The state of a membership until the invitation is accepted.
INVITED = "invited"
LIFETIME = timedelta(hours=72)


def create_invitation(email: str, name: str, invited_by: str, *, place: dict[str, Any], **values: Any) -> Invitation:
    """Write the invitation and a pending membership at `place`; the link is created with the mail. Needs a transaction.

    Invalid ``not_unique`` where somebody with the address is a member or invited already.
    """
    address = email.casefold()
    refuse_known(address)
    user_id = new_id("user")
    create(Membership, user_id=user_id, status=INVITED, name=name, email=address, **place)
    invitation: Invitation = create(
        Invitation, user_id=user_id, email=address, name=name, invited_by=invited_by, expires_at=now() + LIFETIME, **values
    )
    return invitation


def refuse_known(email: str) -> None:
    """Invalid ``not_unique`` where a member or invitee of the organization in scope has the address."""
    if Membership.select(Membership.id).where(Membership.email == email).exists():
        raise known_already()


def known_already() -> Invalid:
    """Return the error for the address of an existing member or invitee."""
    return Invalid({"email": [Problem("not_unique", "Somebody with this address is in the organization already.")]})


def change(invitation: Invitation, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Write changed values to the invitation, and the names to its pending membership. Needs a transaction."""
    changed = records.change(invitation, values)
    waiting = Membership.update(name=invitation.name, email=invitation.email)
    waiting.where(Membership.user_id == invitation.user_id).execute()
    return changed


def renew(user_id: str) -> tuple[Invitation, str] | None:
    """Create a new link that replaces the previous one, for 72 hours; returns its token, or None without an invitation.

    Needs a transaction.
    """
    invitation: Invitation | None = Invitation.get_or_none(Invitation.user_id == user_id)
    if invitation is None:
        return None
    token, digest = links.new_token(links.INVITATION)
    invitation.digest, invitation.expires_at = digest, now() + LIFETIME
    changed = Invitation.update(digest=digest, expires_at=invitation.expires_at).where(Invitation.id == invitation.id)
    return (invitation, token) if changed.execute() else None


def void(user_id: str) -> None:
    """Revoke the link that was sent. Needs a transaction."""
    Invitation.update(digest=None).where(Invitation.user_id == user_id).execute()


def find(token: str, email: str) -> Invitation:
    """Return the invitation of the token, in any active organization; needs a system scope.

    Invalid, with the same error for every reason: used, withdrawn, expired, for another address, or nonexistent.
    """
    digest = links.digest_of(token, links.INVITATION)
    invitation: Invitation | None = None if digest is None else Invitation.get_or_none(Invitation.digest == digest)
    if invitation is None or invitation.email != email.casefold() or invitation.expires_at <= now():
        raise spent()
    if not Organization.select(Organization.id).where(Organization.id == invitation.organization_id, _works()).exists():
        raise spent()
    return invitation


def accept(models: Iterable[type[Row]], invitation: Invitation, user_id: str) -> None:
    """Make the user the invited member. Needs a transaction.

    Invalid where the invitation was used or withdrawn meanwhile: only one of several acceptances succeeds. Refused ``invalid_state`` for an
    existing member.
    """
    with organization_scope(invitation.organization_id):
        epoch.bump(invitation.organization_id)  # first, so that others who accept or withdraw it wait for this
        used = Invitation.delete().where(Invitation.id == invitation.id, Invitation.digest == invitation.digest)
        if not used.execute():
            raise spent()
        if user_id != invitation.user_id:
            _go_over(models, invitation.user_id, user_id)
        called = people.called(user_id)
        joined = Membership.update(status="active", version=Membership.version + 1, updated_at=now(), **called)
        joined.where(Membership.user_id == user_id).execute()


def spent() -> Invalid:
    """Return the error for an invalid invitation, the same for every reason."""
    message = "The invitation is no longer valid, or not for this address; ask for another one."
    return Invalid({"invitation_token": [Problem("invalid_reference", message)]})


def _go_over(models: Iterable[type[Row]], waiting_id: str, user_id: str) -> None:
    """Transfer everything that is assigned to the invitation's id to the other id."""
    if Membership.select(Membership.id).where(Membership.user_id == user_id).exists():
        raise Refused("invalid_state", "You are in this organization already.")
    references.reassign(models, "user", waiting_id, user_id)
    for record, field in ((Grant, "subject_id"), (TeamMember, "user_id"), (Membership, "manager_id"), (Membership, "user_id")):
        record.update({field: user_id}).where(getattr(record, field) == waiting_id).execute()


def _works() -> Any:
    return Organization.status == ACTIVE
