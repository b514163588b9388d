"""Invitations: somebody is asked to join an organization, by a link that only the mail to their address has.

The person is a member from the start, in the state `INVITED`, under an id that is kept for them: roles, teams and whatever else names
them wait under it. Whoever registers with the link gets that id. Whoever has an account already joins with it, and what waited goes over
to their own id; until then no answer differs by whether there is such an account.
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
    """Write the invitation, and the membership that waits at `place`; the link is made with the mail. Needs a transaction.

    Invalid ``not_unique`` where somebody with the address is a member, or invited, already.
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
    """Invalid ``not_unique`` where a member of the organization in scope, or somebody invited, has the address."""
    if Membership.select(Membership.id).where(Membership.email == email).exists():
        raise known_already()


def known_already() -> Invalid:
    """What is answered for the address of somebody who is in the organization."""
    return Invalid({"email": [Problem("not_unique", "Somebody with this address is in the organization already.")]})


def change(invitation: Invitation, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Write what differs to the invitation, and to the membership that waits what they are called. Needs a transaction."""
    changed = records.change(invitation, values)
    waiting = Membership.update(name=invitation.name, email=invitation.email)
    waiting.where(Membership.user_id == invitation.user_id).execute()
    return changed


def renew(user_id: str) -> tuple[Invitation, str] | None:
    """A new link in the place of the one before, for 72 hours, and its token; None where nobody is invited. Needs a transaction."""
    invitation: Invitation | None = Invitation.get_or_none(Invitation.user_id == user_id)
    if invitation is None:
        return None
    token, digest = links.new_token(links.INVITATION)
    invitation.digest, invitation.expires_at = digest, now() + LIFETIME
    changed = Invitation.update(digest=digest, expires_at=invitation.expires_at).where(Invitation.id == invitation.id)
    return (invitation, token) if changed.execute() else None


def void(user_id: str) -> None:
    """Make the link that was sent no good. Needs a transaction."""
    Invitation.update(digest=None).where(Invitation.user_id == user_id).execute()


def find(token: str, email: str) -> Invitation:
    """The invitation of the token, in any organization that works; needs a system scope.

    Invalid, alike for every reason: one that was used or withdrawn, has expired, is for another address, or never was one.
    """
    digest = links.digest_of(token, links.INVITATION)
    invitation: Invitation | None = None if digest is None else Invitation.get_or_none(Invitation.digest == digest)
    if invitation is None or invitation.email != email.casefold() or invitation.expires_at <= now():
        raise spent()
    if not Organization.select(Organization.id).where(Organization.id == invitation.organization_id, _works()).exists():
        raise spent()
    return invitation


def accept(models: Iterable[type[Row]], invitation: Invitation, user_id: str) -> None:
    """Make the user the member who was invited. Needs a transaction.

    Invalid where the invitation was used or withdrawn meanwhile: of many who accept it one gets through. Refused ``invalid_state`` for
    somebody who is a member already.
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
    """What is answered for an invitation that is not good, whatever the reason."""
    message = "The invitation is not good any more, or not for this address; ask for another one."
    return Invalid({"invitation_token": [Problem("invalid_reference", message)]})


def _go_over(models: Iterable[type[Row]], waiting_id: str, user_id: str) -> None:
    """Make everything that waits under the one id wait under the other."""
    if Membership.select(Membership.id).where(Membership.user_id == user_id).exists():
        raise Refused("invalid_state", "You are in this organization already.")
    references.reassign(models, "user", waiting_id, user_id)
    for record, field in ((Grant, "subject_id"), (TeamMember, "user_id"), (Membership, "manager_id"), (Membership, "user_id")):
        record.update({field: user_id}).where(getattr(record, field) == waiting_id).execute()


def _works() -> Any:
    return Organization.status == ACTIVE
