"""Teams: members who hold roles together."""

from typing import Any

import pytest

from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Person, World


@pytest.fixture
def owner(world: World) -> Person:
    return world.organization()


@pytest.fixture
def team(owner: Person) -> str:
    """A team that holds nothing."""
    return str(owner.client.post("/teams", {"name": "Customer care"}).data["id"])


def join(owner: Person, team: str, person: Person) -> None:
    assert owner.client.post(f"/teams/{team}/members", {"user_id": person.user_id}).status == 201


def test_a_slug_is_made_from_the_name_and_is_free(owner: Person) -> None:
    first, second = (owner.client.post("/teams", {"name": "Équipe  Verte!"}).data["slug"] for _ in range(2))
    assert first == "equipe-verte"
    assert second.startswith("equipe-verte-")
    assert owner.client.post("/teams", {"name": "Other", "slug": first}).codes == {"slug": ["not_unique"]}


def test_a_lead_becomes_a_member(world: World, owner: Person) -> None:
    lead = world.member(owner, "viewer")
    made = owner.client.post("/teams", {"name": "One", "lead_id": lead.user_id}).data
    (member,) = owner.client.get(f"/teams/{made['id']}/members").data["items"]
    assert (made["members_count"], member["user_id"], member["team_role"]) == (1, lead.user_id, "lead")


def test_a_new_lead_becomes_a_member_too(world: World, owner: Person, team: str) -> None:
    lead = world.member(owner, "viewer")
    changed = owner.client.patch(f"/teams/{team}", {"lead_id": lead.user_id}).data
    assert (changed["lead_id"], changed["members_count"]) == (lead.user_id, 1)


def test_somebody_of_another_organization_can_neither_lead_nor_join(world: World, owner: Person, team: str) -> None:
    stranger = world.organization("Other").user_id
    for body in ({"lead_id": stranger}, {"lead_id": "user_01h455vb4pex5vsknk084sn02q"}):
        assert owner.client.patch(f"/teams/{team}", body).codes == {"lead_id": ["invalid_reference"]}
    assert owner.client.post(f"/teams/{team}/members", {"user_id": stranger}).codes == {"user_id": ["invalid_reference"]}


def test_a_member_whom_the_caller_cannot_see_is_like_nobody(world: World, owner: Person, team: str) -> None:
    known, unseen = world.member(owner, "viewer"), world.member(owner, "viewer")
    join(owner, team, known)
    clerk = member_with(world, owner, ["teams:read", "teams:update"], team)
    path = f"/teams/{team}/members"
    assert clerk.client.patch(f"/teams/{team}", {"lead_id": unseen.user_id}).codes == {"lead_id": ["invalid_reference"]}
    assert clerk.client.post(path, {"user_id": unseen.user_id}).codes == {"user_id": ["invalid_reference"]}
    items = clerk.client.post(path, {"user_ids": [unseen.user_id, known.user_id]}).data["items"]
    assert [(item["status"], item["code"]) for item in items] == [("refused", "invalid_reference"), ("unchanged", None)]
    owner.client.patch(f"/teams/{team}", {"lead_id": owner.user_id})
    assert clerk.client.put(f"/teams/{team}", {"name": "Renamed", "lead_id": owner.user_id}).status == 200


def test_each_of_several_new_members_is_answered_for(world: World, owner: Person, team: str) -> None:
    known, new, stranger = world.member(owner, "viewer"), world.member(owner, "viewer"), world.organization("Other")
    join(owner, team, known)
    sent = {"user_ids": [known.user_id, new.user_id, stranger.user_id]}
    items = owner.client.post(f"/teams/{team}/members", sent).data["items"]
    assert [(item["user_id"], item["status"], item["code"]) for item in items] == [
        (known.user_id, "unchanged", None),
        (new.user_id, "added", None),
        (stranger.user_id, "refused", "invalid_reference"),
    ]
    assert owner.client.get(f"/teams/{team}").data["members_count"] == 2


def test_a_member_can_be_given_another_role_in_the_team(world: World, owner: Person, team: str) -> None:
    person = world.member(owner, "viewer")
    join(owner, team, person)
    (item,) = owner.client.post(f"/teams/{team}/members", {"user_id": person.user_id, "team_role": "lead"}).data["items"]
    assert (item["status"], item["team_role"]) == ("changed", "lead")


def test_at_most_two_hundred_join_at_once_each_named_once(owner: Person, team: str) -> None:
    many = [f"user_{number:026}" for number in range(201)]
    path = f"/teams/{team}/members"
    assert owner.client.post(path, {"user_ids": many}).codes == {"user_ids": ["too_many_items"]}
    assert len(owner.client.post(path, {"user_ids": many[:200]}).data["items"]) == 200
    assert owner.client.post(path, {"user_ids": [many[0], many[0]]}).status == 422
    assert owner.client.post(path, {}).codes == {"user_id": ["required"]}
    assert owner.client.post(path, {"user_id": many[0], "user_ids": many[:1]}).codes == {"user_id": ["invalid_choice"]}


def test_removing_a_member_ends_what_came_only_through_the_team(world: World, owner: Person, team: str) -> None:
    project = world.node(owner, "project")
    person = world.member(owner, "viewer")
    join(owner, team, person)
    given = {"role": "builder", "place": {"type": "project", "id": project}}
    assert owner.client.post(f"/teams/{team}/assign", given).status == 201
    agent = {"name": "One", "visibility": "project", "project_id": project}
    assert person.client.post("/agents", agent).status == 201
    assert owner.client.delete(f"/teams/{team}/members/{person.user_id}").data == {"id": person.user_id, "deleted": True}
    assert person.client.post("/agents", agent | {"name": "Two"}).status == 403
    assert person.client.get("/agents").status == 200  # they are a viewer by themselves


def test_the_lead_of_a_team_is_who_has_that_role_in_it(world: World, owner: Person, team: str) -> None:
    first, second = (world.member(owner, "viewer").user_id for _ in range(2))
    path, members = f"/teams/{team}", f"/teams/{team}/members"
    steps: list[tuple[str, str, dict[str, Any], str | None]] = [
        ("PATCH", path, {"lead_id": first}, first),
        ("POST", members, {"user_id": second, "team_role": "lead"}, second),
        ("POST", members, {"user_id": second, "team_role": "member"}, None),
        ("PATCH", path, {"lead_id": first}, first),
        ("PATCH", path, {"lead_id": second}, second),
        ("PATCH", path, {"lead_id": None}, None),
    ]
    for method, at, body, lead in steps:
        assert owner.client.ask(method, at, body).status in (200, 201)
        leads = owner.client.get(f"{members}?team_role=lead").data["items"]
        assert owner.client.get(path).data["lead_id"] == lead
        assert [each["user_id"] for each in leads] == ([lead] if lead else []), body


def test_a_team_has_one_lead(world: World, owner: Person, team: str) -> None:
    both = [world.member(owner, "viewer").user_id for _ in range(2)]
    refused = owner.client.post(f"/teams/{team}/members", {"user_ids": both, "team_role": "lead"})
    assert refused.codes == {"team_role": ["invalid_choice"]}


def test_a_suspended_member_cannot_lead(world: World, owner: Person, team: str) -> None:
    suspended = world.member(owner, "viewer").user_id
    owner.client.put(f"/users/{suspended}/status", {"status": "suspended"})
    assert owner.client.patch(f"/teams/{team}", {"lead_id": suspended}).codes == {"lead_id": ["invalid_reference"]}
    body = {"user_id": suspended, "team_role": "lead"}
    assert owner.client.post(f"/teams/{team}/members", body).codes == {"user_id": ["invalid_reference"]}


def test_a_lead_who_is_removed_leads_no_more(world: World, owner: Person, team: str) -> None:
    lead = world.member(owner, "viewer")
    owner.client.patch(f"/teams/{team}", {"lead_id": lead.user_id})
    owner.client.delete(f"/teams/{team}/members/{lead.user_id}")
    assert owner.client.get(f"/teams/{team}").data["lead_id"] is None


def test_deleting_a_team_ends_what_its_members_held_through_it(world: World, owner: Person, team: str) -> None:
    person = world.member(owner, "viewer")
    join(owner, team, person)
    owner.client.post(f"/teams/{team}/assign", {"role": "builder", "place": {"type": "organization"}})
    assert person.client.post("/agents", {"name": "One"}).status == 201
    assert owner.client.delete(f"/teams/{team}").status == 200
    assert person.client.post("/agents", {"name": "Two"}).status == 403


def test_nobody_joins_a_team_that_holds_more_than_they_do(world: World, owner: Person, team: str) -> None:
    owner.client.post(f"/teams/{team}/assign", {"role": "admin", "place": {"type": "organization"}})
    clerk = member_with(world, owner, ["teams:read", "teams:update"])
    refused = clerk.client.post(f"/teams/{team}/members", {"user_id": clerk.user_id})
    assert refused.codes == {"_": ["permission_denied"]}
    assert clerk.client.patch(f"/teams/{team}", {"lead_id": clerk.user_id}).codes == {"_": ["permission_denied"]}


def test_nobody_takes_others_out_of_a_team_that_holds_more_than_they_do(world: World, owner: Person, team: str) -> None:
    person = world.member(owner, "viewer")
    join(owner, team, person)
    owner.client.post(f"/teams/{team}/assign", {"role": "admin", "place": {"type": "organization"}})
    clerk = member_with(world, owner, ["teams:read", "teams:update", "teams:delete"])
    for path in (f"/teams/{team}/members/{person.user_id}", f"/teams/{team}"):
        assert clerk.client.delete(path).codes == {"_": ["permission_denied"]}


def test_what_is_counted_and_who_made_it_cannot_be_written(owner: Person, team: str) -> None:
    for name, value in (("members_count", 9), ("id", team), ("organization_id", owner.organization_id), ("version", 1)):
        assert owner.client.patch(f"/teams/{team}", {name: value}).codes == {name: ["unknown_field"]}


def test_a_role_at_a_team_reaches_that_team_only(world: World, owner: Person, team: str) -> None:
    other = owner.client.post("/teams", {"name": "Other"}).data["id"]
    keeper = member_with(world, owner, ["teams:read", "teams:update"], team)
    assert [item["id"] for item in keeper.client.get("/teams").data["items"]] == [team]
    assert keeper.client.get(f"/teams/{other}").status == 404
    join(keeper, team, keeper)
    assert keeper.client.post("/teams", {"name": "Third"}).status == 403


def test_members_are_found_by_their_names(world: World, owner: Person, team: str) -> None:
    people = [world.member(owner, "viewer") for _ in range(2)]
    owner.client.post(f"/teams/{team}/members", {"user_ids": [person.user_id for person in people]})
    everybody = owner.client.get(f"/teams/{team}/members").data["items"]
    wanted = everybody[0]
    found = owner.client.get(f"/teams/{team}/members?q={wanted['email']}").data["items"]
    assert found == [wanted] and len(everybody) == 2
