"""Operations on organizations, each in the scope of its organization."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from peewee import JOIN, fn

from aasim_core import App, InvalidArgument, Refused, StartupError, emit
from aasim_core.access import grants
from aasim_core.access.records import Grant, Role, TeamMember
from aasim_core.clock import now, to_text
from aasim_core.context import system_scope
from aasim_core.data import records
from aasim_core.identity.accounts import found_organization
from aasim_core.tenancy.principal import Principal
from aasim_core.tenancy.records import ACTIVE, CLOSING, SUSPENDED, Membership, Organization, User


def ids_of(app: App, principal: Principal, permission: str) -> list[str]:
    """The caller's organizations where they hold the permission anywhere; of an API key, its own one."""
    if principal.kind == "api_key":
        return [principal.organization_id]
    with system_scope("find the organizations of a user"):
        teams = TeamMember.select(TeamMember.team_id).where(TeamMember.user_id == principal.user_id)
        held: Any = (
            Grant.select(Grant.organization_id, Role.name, Role.built_in, Role.permissions)
            .join(Role, on=(Role.id == Grant.role_id))
            .join(Membership, on=(Membership.organization_id == Grant.organization_id))
            .where(Membership.user_id == principal.user_id, Membership.status == "active", grants.in_force(now()))
            .where((Grant.subject_id == principal.user_id) | Grant.subject_id.in_(teams))
            .order_by(Grant.organization_id)
        )
        rows = list(held.tuples())
    allowed = (
        organization_id
        for organization_id, name, built_in, permissions in rows
        if permission in (app.rights.built_in.get(name, ()) if built_in else permissions)
    )
    return list(dict.fromkeys(allowed))


def found(values: Mapping[str, Any], user_id: str) -> Organization:
    """Found another organization, with the user as its owner."""
    organization = found_organization(owner=User.get_by_id(user_id), **values)
    emit("organizations.created", organization)
    return organization


def change(organization: Organization, values: Mapping[str, Any]) -> Organization:
    """Write what differs."""
    changed = records.change(organization, values)
    if changed:
        emit("organizations.updated", organization, changes=changed)
    return organization


def close(app: App, organization: Organization, grace_days: int) -> None:
    """Delete the organization; during the grace period an owner can restore it."""
    records.change(organization, {"status": CLOSING, "delete_at": now() + timedelta(days=grace_days)})
    emit("organizations.deleted", organization, data={"delete_at": to_text(organization.delete_at)})
    app.organization_states.forget(organization.id)


def restore(app: App, organization: Organization) -> Organization:
    """Take the deletion back; Refused ``invalid_state`` where it was not deleted."""
    if organization.status != CLOSING:
        raise Refused("invalid_state", "Only an organization that was deleted can be restored; this one was not.")
    records.change(organization, {"status": ACTIVE, "delete_at": None})
    emit("organizations.restored", organization)
    app.organization_states.forget(organization.id)
    return organization


# What the people do who run the installation


def with_members(status: str | None) -> list[tuple[Organization, int]]:
    """Every organization, or those of a status, the oldest first, with the number of its members. Needs a system scope."""
    count = fn.COUNT(Membership.id)
    query = Organization.select(Organization, count.alias("members")).join(
        Membership, JOIN.LEFT_OUTER, on=(Membership.organization_id == Organization.id)
    )
    if status is not None:
        query = query.where(Organization.status == status)
    rows: Any = query.group_by(Organization.id).order_by(Organization.created_at, Organization.id).objects()
    return [(each, each.members) for each in rows]


def called(text: str) -> list[Organization]:
    """The organizations of that id, slug or name: the one that it is unique for, if there is one."""
    unique = list(Organization.select().where((Organization.id == text) | (Organization.slug == text)))
    return unique or list(Organization.select().where(Organization.name == text).order_by(Organization.id))


def chosen(text: str) -> Organization:
    """The one organization of that id, slug or name, as commands name it; InvalidArgument for none, or more. Needs a system scope."""
    found = called(text)
    if not found:
        raise InvalidArgument(f'there is no organization {text}; "aasim organizations list" shows all')
    if len(found) > 1:
        ids = ", ".join(each.id for each in found)
        raise InvalidArgument(f"{len(found)} organizations are called {text}; name one by its id: {ids}")
    return found[0]


def suspend(app: App, organization: Organization, reason: str) -> bool:
    """Suspend the organization from the next request on; returns whether that changed anything. StartupError for one that is closing."""
    return _switch(app, organization, SUSPENDED, ("organizations.suspended", reason))


def reactivate(app: App, organization: Organization, reason: str) -> bool:
    """Let a suspended organization in again; whether that changed anything. StartupError for one that is closing."""
    return _switch(app, organization, ACTIVE, ("organizations.reactivated", reason))


def _switch(app: App, organization: Organization, status: str, told: tuple[str, str]) -> bool:
    if organization.status == CLOSING:
        raise StartupError(
            f"{organization.name} is deleted; until it is erased, one of its owners can restore it, and nobody else"
        )
    if organization.status == status:
        return False
    changed = records.change(organization, {"status": status})
    emit(told[0], organization, changes=changed, data={"reason": told[1]})
    app.organization_states.forget(organization.id)
    return True


def note_export(app: App, organization: Organization) -> None:
    """Keep in the log who took a copy of everything."""
    with app.database.transaction():
        emit("organizations.exported", organization)
