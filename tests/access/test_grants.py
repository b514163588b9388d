"""Giving and taking roles: no more than one holds, and never the last owner's."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from aasim_core.access import grants
from aasim_core.access.records import Grant, Membership, Role
from aasim_core.access.rights import Holding, Rights
from aasim_core.access.roles import built_in_role
from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.errors import Invalid, Refused
from aasim_core.testing.world import Person, World


@pytest.fixture
def owner(world: World) -> Iterator[Person]:
    person = world.organization()
    with world.app.database.transaction(), organization_scope(person.organization_id):
        yield person


def is_last_owner(call: object) -> bool:
    with pytest.raises(Refused) as caught:
        call()  # type: ignore[operator]
    assert (caught.value.status, caught.value.code) == (409, "last_owner")
    return True


def ownership_of(person: Person) -> str:
    return str(Grant.get(Grant.subject_id == person.user_id).id)


def test_the_last_owner_stays(owner: Person) -> None:
    assert is_last_owner(lambda: grants.revoke(ownership_of(owner)))
    assert is_last_owner(lambda: grants.revoke_all(owner.user_id))
    assert is_last_owner(lambda: grants.require_other_owner(owner.user_id))


def test_an_owner_may_go_when_there_is_another(world: World, owner: Person) -> None:
    world.member(owner, "owner")
    grants.revoke(ownership_of(owner))
    assert not Grant.select().where(Grant.subject_id == owner.user_id).exists()


def test_an_owner_who_is_suspended_or_only_for_a_time_does_not_count(world: World, owner: Person) -> None:
    second = world.member(owner, "owner")
    Grant.update(expires_at=now() + timedelta(days=1)).where(Grant.subject_id == second.user_id).execute()
    assert is_last_owner(lambda: grants.revoke(ownership_of(owner)))
    Grant.update(expires_at=None).where(Grant.subject_id == second.user_id).execute()
    Membership.update(status="suspended").where(Membership.user_id == second.user_id).execute()
    assert is_last_owner(lambda: grants.revoke(ownership_of(owner)))


def test_an_owner_of_another_organization_does_not_count(world: World, owner: Person) -> None:
    world.organization("Other")
    assert is_last_owner(lambda: grants.revoke(ownership_of(owner)))


def test_other_roles_are_taken_back_freely(world: World, owner: Person) -> None:
    viewer = world.member(owner, "viewer")
    grants.revoke_all(viewer.user_id)
    assert not Grant.select().where(Grant.subject_id == viewer.user_id).exists()


def test_the_same_grant_again_changes_its_expiry(world: World, owner: Person) -> None:
    viewer, until = world.member(owner, "viewer"), now() + timedelta(days=1)
    grants.grant("user", viewer.user_id, built_in_role("viewer"), expires_at=until)
    (held,) = Grant.select().where(Grant.subject_id == viewer.user_id)
    assert (held.expires_at, held.version) == (until, 2)


def test_nobody_grants_what_they_do_not_hold_there(app: App, world: World, owner: Person) -> None:
    branch, other = world.node(owner, "branch"), world.node(owner, "branch")
    path = f"/{owner.organization_id}/{branch}/"
    builder = Rights(owner.organization_id, [Holding(app.rights.built_in["builder"], path)], {branch: path}.get)
    grants.require_may_grant(builder, built_in_role("builder"), branch, app.rights.built_in)
    for role, place in (("builder", other), ("builder", None), ("admin", branch)):
        with pytest.raises(Refused) as caught:
            grants.require_may_grant(builder, built_in_role(role), place, app.rights.built_in)
        assert caught.value.code == "permission_denied"


def test_a_custom_role_is_granted_by_who_holds_all_of_it(app: App, world: World, owner: Person) -> None:
    rights = Rights(owner.organization_id, [Holding(frozenset(["agents:read"]), f"/{owner.organization_id}/")])
    grants.require_may_grant(rights, Role(permissions=["agents:read"]), None, app.rights.built_in)
    with pytest.raises(Refused):
        grants.require_may_grant(rights, Role(permissions=["agents:read", "agents:delete"]), None, app.rights.built_in)


def test_ownership_is_of_the_whole_organization_and_places_must_exist(app: App, world: World, owner: Person) -> None:
    everything = Rights(owner.organization_id, [Holding(frozenset(app.permissions), f"/{owner.organization_id}/")])
    with pytest.raises(Invalid):
        grants.require_may_grant(everything, built_in_role("owner"), world.node(owner, "branch"), app.rights.built_in)
    with pytest.raises(Invalid):
        grants.require_may_grant(everything, built_in_role("viewer"), "branch_nowhere", app.rights.built_in)
    grants.require_may_grant(everything, built_in_role("owner"), None, app.rights.built_in)
