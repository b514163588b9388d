"""Making accounts and the organizations that they own."""

import re
import unicodedata
from secrets import token_hex

import peewee

from ..access import grants, roles, tree
from ..access.records import Membership, Organization
from ..context import organization_scope
from ..data.records import create
from ..errors import Invalid, Problem
from .records import User


def create_user(
    email: str, name: str, password_hash: str | None, *, kind: str = "person", is_platform_admin: bool = False
) -> User:
    """Write a new account; Invalid ``not_unique`` where the address has one already. Needs a transaction."""
    address = email.casefold()
    if User.select(User.id).where(User.email == address).exists():
        raise email_taken()
    user: User = create(
        User, email=address, name=name, password_hash=password_hash, kind=kind, is_platform_admin=is_platform_admin
    )
    return user


def email_taken() -> Invalid:
    """What is answered for an address that has an account."""
    return Invalid({"email": [Problem("not_unique", "There is an account with this address; log in instead.")]})


def found_organization(name: str, owner: User) -> Organization:
    """Write a new organization with its tree and built-in roles, and make `owner` a member and its owner. Needs a transaction."""
    organization: Organization = create(Organization, name=name, slug=_free_slug(name))
    with organization_scope(organization.id):
        tree.create_root(organization.id)
        roles.create_built_in(organization.id)
        create(Membership, user_id=owner.id)
        grants.grant("user", owner.id, roles.built_in_role("owner"), granted_by=owner.id)
    return organization


def _free_slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "organization"
    taken = Organization.select(peewee.SQL("1")).where(Organization.slug == slug).exists()
    return f"{slug}-{token_hex(4)}" if taken else slug
