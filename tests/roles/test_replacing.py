"""Roles that are deleted, and replaced for those who hold them."""

from datetime import timedelta

from aasim_core.access.records import Grant
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Person, World

from .holding import MANAGING, built_in, grant_of, hold, made


def test_a_role_that_is_held_is_not_deleted_and_its_holders_are_named(world: World, owner: Person) -> None:
    role, person = made(owner, "Reader", "agents:read"), member_with(world, owner, [])
    hold(world, person, role["id"])
    refused = owner.client.delete(f"/roles/{role['id']}")
    assert refused.codes == {"_": ["in_use"]}
    meta = refused.body["errors"]["_"][0]["meta"]
    assert (meta["holders_count"], meta["holders"][0]["subject_id"]) == (1, person.user_id)


def test_a_role_that_somebody_held_once_is_deleted(world: World, owner: Person) -> None:
    role, person = made(owner, "Reader", "agents:read"), member_with(world, owner, [])
    hold(world, person, role["id"], expires_at=now() - timedelta(seconds=1))
    assert owner.client.delete(f"/roles/{role['id']}").status == 200
    with organization_scope(owner.organization_id):
        assert not Grant.select().where(Grant.role_id == role["id"]).exists()


def test_a_replacement_is_held_at_the_same_places_and_as_long(world: World, owner: Person) -> None:
    old, new = made(owner, "Old", "agents:read")["id"], made(owner, "New", "engines:read")["id"]
    person, branch, until = member_with(world, owner, []), world.node(owner, "branch"), now() + timedelta(days=1)
    grant = hold(world, person, old, branch, expires_at=until)
    assert owner.client.delete(f"/roles/{old}?replacement_role_id={new}").status == 200
    moved = grant_of(world, person, new)
    assert (moved.id, moved.node_id, moved.expires_at) == (grant, branch, until)
    assert (person.client.get("/agents").status, person.client.get("/engines").status) == (403, 200)


def test_whoever_holds_role_and_replacement_keeps_what_lasts_longer(world: World, owner: Person) -> None:
    old, new = made(owner, "Old")["id"], made(owner, "New")["id"]
    person, until = member_with(world, owner, []), now() + timedelta(days=1)
    hold(world, person, old)
    hold(world, person, new, expires_at=until)
    owner.client.delete(f"/roles/{old}?replacement_role_id={new}")
    assert grant_of(world, person, new).expires_at is None


def test_a_replacement_is_another_role_of_the_organization_and_no_owner(world: World, owner: Person) -> None:
    role = made(owner, "Reader")["id"]
    theirs = made(world.organization("Other"), "Theirs")["id"]
    nowhere = "role_01h455vb4pex5vsknk084sn02q"
    for other in (role, theirs, nowhere, built_in(owner, "owner")["id"]):
        refused = owner.client.delete(f"/roles/{role}?replacement_role_id={other}")
        assert refused.codes == {"replacement_role_id": ["invalid_reference"]}
    assert owner.client.delete(f"/roles/{role}?replacement_role_id=x").codes == {"replacement_role_id": ["invalid_parameter"]}


def test_nobody_gives_others_more_than_they_hold_by_a_replacement(world: World, owner: Person) -> None:
    old = made(owner, "Old", "agents:read")["id"]
    manager = member_with(world, owner, [*MANAGING, "agents:read"])
    hold(world, manager, old)
    refused = manager.client.delete(f"/roles/{old}?replacement_role_id={built_in(owner, 'admin')['id']}")
    assert refused.codes == {"_": ["permission_denied"]}
