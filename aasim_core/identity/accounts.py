"""Create accounts and the organizations that they own."""

from collections.abc import Sequence
from typing import Any

from ..access import grants, roles, tree
from ..context import organization_scope
from ..data.records import create, database_of
from ..errors import Invalid, Problem
from ..tenancy import people
from ..tenancy.records import Membership, Organization, User
from ..text.slugs import free_slug, slug_of
from .records import EmailVerification, PasswordReset, RefreshToken, Session


def create_user(email: str, name: str, password_hash: str | None, **values: Any) -> User:
    """Write a new account; Invalid ``not_unique`` where the address is taken. Needs a transaction."""
    address = email.casefold()
    if User.select(User.id).where(User.email == address).exists():
        raise email_taken()
    user: User = create(User, email=address, name=name, password_hash=password_hash, **values)
    return user


def email_taken() -> Invalid:
    """Return the error for an address that has an account."""
    return Invalid({"email": [Problem("not_unique", "An account with this address exists; log in instead.")]})


def found_organization(name: str, owner: User, *, slug: str | None = None, **values: Any) -> Organization:
    """Write a new organization with its tree and built-in roles, and make `owner` a member and its owner. Needs a transaction.

    Without a slug, a free one is generated; IntegrityError for a taken one.
    """
    lock = database_of(Organization).lock
    slug = slug or free_slug(slug_of(name, "organization"), _has_slug, lock, "organizations")
    organization: Organization = create(Organization, name=name, slug=slug, **values)
    with organization_scope(organization.id):
        tree.create_root(organization.id)
        roles.create_built_in(organization.id)
        people.join(owner.id)
        grants.grant("user", owner.id, roles.built_in_role("owner"), created_by=owner.id)
    return organization


def erase_homeless(user_ids: Sequence[str]) -> None:
    """Erase those of the accounts that no longer belong to an organization and are not administrators. Needs a system scope."""
    at_home = Membership.select(Membership.user_id).where(Membership.user_id.in_(list(user_ids)))
    homeless = [
        user.id
        for user in User.select(User.id).where(User.id.in_(list(user_ids)), User.id.not_in(at_home), ~User.is_platform_admin)
    ]
    sessions = Session.select(Session.id).where(Session.user_id.in_(homeless))
    RefreshToken.delete().where(RefreshToken.session_id.in_(sessions)).execute()
    for record in (Session, PasswordReset, EmailVerification):
        record.delete().where(record.user_id.in_(homeless)).execute()
    User.delete().where(User.id.in_(homeless)).execute()


def _has_slug(slug: str) -> bool:
    return bool(Organization.select(Organization.id).where(Organization.slug == slug).exists())
