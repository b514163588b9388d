"""What organizations do for the people in them."""

from typing import Any

import pytest

from aasim_core.testing.world import Person, World


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of Acme."""
    return world.organization("Acme")


def path_of(person: Person) -> str:
    """Where the person's organization can be read."""
    return f"/organizations/{person.organization_id}"


def test_who_founds_an_organization_owns_it_and_chooses_it_by_its_path(owner: Person) -> None:
    made = owner.client.post("/organizations", {"name": "Second Try", "timezone": "Europe/Vienna"})
    assert made.status == 201
    assert (made.data["slug"], made.data["timezone"], made.data["status"]) == ("second-try", "Europe/Vienna", "active")
    path = f"/organizations/{made.data['id']}"
    assert made.headers["location"] == f"/api/v1{path}"
    assert owner.client.patch(path, {"name": "Third"}).data["name"] == "Third"
    assert owner.client.get(path_of(owner)).data["name"] == "Acme"


def test_the_list_has_the_callers_own_organizations(world: World, owner: Person) -> None:
    world.organization("Somebody else's")
    owner.client.post("/organizations", {"name": "Another"})
    listed = owner.client.get("/organizations?sort=name").data["items"]
    assert [each["name"] for each in listed] == ["Acme", "Another"]


def test_a_member_who_left_does_not_see_it_any_more(world: World, owner: Person) -> None:
    member = world.member(owner, "viewer")
    assert member.client.get(path_of(owner)).status == 200
    other = world.organization("Other")
    assert other.client.get(path_of(owner)).codes == {"_": ["not_found"]}


def test_a_taken_slug_is_refused_and_a_made_one_is_free(world: World, owner: Person) -> None:
    taken = owner.client.post("/organizations", {"name": "Copy", "slug": owner.client.get(path_of(owner)).data["slug"]})
    assert taken.codes == {"slug": ["not_unique"]}
    made = [owner.client.post("/organizations", {"name": "Twin"}).data["slug"] for _ in range(2)]
    assert made[0] == "twin" and made[1].startswith("twin-")


@pytest.mark.parametrize("field", ["status", "plan", "halted_at", "delete_at", "authz_epoch", "id"])
def test_what_is_not_a_clients_to_write_is_refused(owner: Person, field: str) -> None:
    assert owner.client.patch(path_of(owner), {field: "x"}).codes == {field: ["unknown_field"]}


def test_only_who_may_change_it_does(world: World, owner: Person) -> None:
    viewer = world.member(owner, "viewer")
    assert viewer.client.patch(path_of(owner), {"name": "Mine"}).codes == {"_": ["permission_denied"]}


def test_halting_is_told_and_can_be_repeated(owner: Person) -> None:
    halted = owner.client.post(f"{path_of(owner)}/halt", {"reason": "Nonsense."})
    again = owner.client.post(f"{path_of(owner)}/halt", {"reason": "Nonsense."})
    assert halted.data["halted_at"] == again.data["halted_at"] is not None
    assert owner.client.post(f"{path_of(owner)}/resume").data["halted_at"] is None


def test_a_reason_is_needed_to_halt(owner: Person) -> None:
    assert owner.client.post(f"{path_of(owner)}/halt", {}).codes == {"reason": ["required"]}


def _delete(owner: Person) -> Any:
    return owner.client.delete(path_of(owner))


def test_a_deleted_organization_is_gone_for_everybody(world: World, owner: Person) -> None:
    member = world.member(owner, "admin")
    assert _delete(owner).data == {"id": owner.organization_id, "deleted": True}
    assert member.client.get(path_of(owner)).codes == {"_": ["not_found"]}
    assert member.client.get("/agents").codes == {"_": ["organization_closing"]}
    assert owner.client.get("/organizations").data["items"] == []


def test_an_owner_finds_it_among_the_closing_ones_and_restores_it(owner: Person) -> None:
    _delete(owner)
    [closing] = owner.client.get("/organizations?status=closing").data["items"]
    assert (closing["id"], closing["status"]) == (owner.organization_id, "closing")
    assert closing["delete_at"] > closing["updated_at"]
    restored = owner.client.post(f"{path_of(owner)}/restore")
    assert (restored.data["status"], restored.data["delete_at"]) == ("active", None)
    assert owner.client.get("/agents").status == 200


def test_only_owners_delete_and_restore(world: World, owner: Person) -> None:
    admin = world.member(owner, "admin")
    assert admin.client.delete(path_of(owner)).codes == {"_": ["permission_denied"]}
    _delete(owner)
    assert admin.client.post(f"{path_of(owner)}/restore").codes == {"_": ["permission_denied"]}


def test_what_was_not_deleted_is_not_restored(owner: Person) -> None:
    assert owner.client.post(f"{path_of(owner)}/restore").codes == {"_": ["invalid_state"]}


def test_who_has_lost_their_only_organization_can_found_another(owner: Person) -> None:
    _delete(owner)
    assert owner.client.post("/organizations", {"name": "Anew"}).status == 201
