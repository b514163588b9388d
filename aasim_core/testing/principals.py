"""Test principals: members with exact permissions, API keys, and expired credentials."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..access.records import Role
from ..context import organization_scope, system_scope
from ..data.records import create
from ..identity import api_keys, sessions
from ..identity.records import ApiKey, Session
from ..tenancy.records import Membership, User
from .world import Person, World

if TYPE_CHECKING:
    from ..app import App


def member_with(world: World, owner: Person, permissions: Iterable[str], node_id: str | None = None) -> Person:
    """A new member of the owner's organization who holds exactly these permissions, everywhere or below a node."""
    with world.app.database.transaction(), organization_scope(owner.organization_id):
        number = Role.select().count()
        role: Role = create(Role, name=f"role {number} of a test", permissions=sorted(permissions))
    return world.member(owner, role.name, node_id)


def member_without(world: World, owner: Person, permission: str) -> Person:
    """A new member who may do everything but one thing."""
    return member_with(world, owner, set(world.app.permissions) - {permission})


def key_of(app: "App", person: Person, scopes: Iterable[str]) -> Person:
    """The person by an API key of theirs that is limited to `scopes`."""
    made = api_keys.generate()
    with app.database.transaction(), organization_scope(person.organization_id):
        create(
            ApiKey, user_id=person.user_id, name="A key of a test", scopes=sorted(scopes), prefix=made.prefix,
            last_four=made.last_four, digest=made.digest,
        )  # fmt: skip
    return replace(person, client=replace(person.client, token=made.secret.reveal()))


def log_out(app: "App", person: Person) -> Person:
    """End every session of the person; returns them, with a token that was good."""
    with app.database.transaction(), system_scope("test"):
        sessions.end([session.id for session in Session.select().where(Session.user_id == person.user_id)], "logged_out")
    return person


def suspend(app: "App", person: Person) -> Person:
    """Suspend the person's account; returns them."""
    with app.database.transaction(), system_scope("test"):
        User.update(status="suspended").where(User.id == person.user_id).execute()
    return person


def expel(app: "App", person: Person) -> Person:
    """Make the person's membership inactive; returns them."""
    with app.database.transaction(), organization_scope(person.organization_id):
        Membership.update(status="deactivated").where(Membership.user_id == person.user_id).execute()
    return person
