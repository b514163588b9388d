"""Giving roles over REST, listing what is held, and taking roles back; teams stand for every kind of subject."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from aasim_core.access import grants
from aasim_core.access.records import Role
from aasim_core.clock import now, to_text
from aasim_core.context import organization_scope
from aasim_core.data.records import create
from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Answer, Person, World

GIVING = ["teams:read", "teams:assign"]


@pytest.fixture
def owner(world: World) -> Person:
    return world.organization()


@pytest.fixture
def team(owner: Person) -> str:
    return str(owner.client.post("/teams", {"name": "Customer care"}).data["id"])


def give(granter: Person, team: str, role: str, place: str | None = None, **more: Any) -> Answer:
    kind = "organization" if place is None else place.partition("_")[0]
    where = {"type": {"dept": "department"}.get(kind, kind)} | ({} if place is None else {"id": place})
    return granter.client.post(f"/teams/{team}/assign", {"role": role, "place": where, **more})


def custom_role(world: World, owner: Person, permissions: list[str]) -> str:
    """The name of a new role of the organization."""
    with world.app.database.transaction(), organization_scope(owner.organization_id):
        return str(create(Role, name=f"role of {permissions}", permissions=permissions).name)


def also(world: World, person: Person, permissions: list[str], node_id: str) -> None:
    """Let the person hold these permissions below the node besides what they hold."""
    name = custom_role(world, person, permissions)
    with world.app.database.transaction(), organization_scope(person.organization_id):
        grants.grant("user", person.user_id, Role.get(Role.name == name), node_id)


def test_a_role_is_given_at_a_place_until_a_time(world: World, owner: Person, team: str) -> None:
    branch = world.node(owner, "branch")
    until = to_text(now() + timedelta(days=1))
    given = give(owner, team, "viewer", branch, expires_at=until)
    told = {name: given.data[name] for name in ("role", "place", "scope", "expires_at", "source", "status")}
    assert given.status == 201
    assert told == {
        "role": "viewer", "place": {"type": "branch", "id": branch}, "scope": [owner.organization_id, branch],
        "expires_at": until, "source": "direct", "status": "active",
    }  # fmt: skip
    assert given.data["created_by"] == owner.user_id
    assert owner.client.get(f"/teams/{team}/assignments").data["items"] == [given.data]


def test_the_same_role_again_gets_the_new_expiry(owner: Person, team: str) -> None:
    first = give(owner, team, "viewer").data
    until = to_text(now() + timedelta(days=1))
    again = give(owner, team, "viewer", expires_at=until).data
    assert (again["id"], again["expires_at"], again["version"]) == (first["id"], until, 2)


def test_a_role_that_has_ended_is_listed_as_such(owner: Person, team: str) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        give(owner, team, "viewer", expires_at=to_text(now() + timedelta(seconds=60)))
        clock.shift(60)
        (item,) = owner.client.get(f"/teams/{team}/assignments").data["items"]
    assert item["status"] == "expired"


def test_a_role_that_is_taken_back_is_gone(owner: Person, team: str) -> None:
    path = f"/teams/{team}/assignments/{give(owner, team, 'viewer').data['id']}"
    assert owner.client.delete(path).data["deleted"] is True
    assert owner.client.delete(path).status == 404
    assert owner.client.get(f"/teams/{team}/assignments").data["items"] == []


def test_a_role_is_taken_back_from_whom_the_path_names_only(owner: Person, team: str) -> None:
    other = owner.client.post("/teams", {"name": "Other"}).data["id"]
    given = give(owner, team, "viewer").data["id"]
    assert owner.client.delete(f"/teams/{other}/assignments/{given}").status == 404


def test_nobody_gives_what_they_do_not_hold(world: World, owner: Person, team: str) -> None:
    clerk = member_with(world, owner, [*GIVING, "agents:read"])
    refused = give(clerk, team, "builder")
    assert refused.codes == {"_": ["permission_denied"]}
    assert "agents:create" in refused.body["errors"]["_"][0]["meta"]["missing"]


def test_nobody_gives_elsewhere_what_they_hold_in_one_place(world: World, owner: Person, team: str) -> None:
    branch, other = world.node(owner, "branch"), world.node(owner, "branch")
    project = world.node(owner, "project", branch)
    clerk = member_with(world, owner, ["teams:read"])
    also(world, clerk, ["teams:assign", "agents:read"], branch)
    role = custom_role(world, owner, ["agents:read"])
    assert [give(clerk, team, role, place).status for place in (branch, project, other, None)] == [201, 201, 403, 403]


def test_giving_needs_the_permission_to_assign_at_the_place(world: World, owner: Person, team: str) -> None:
    branch = world.node(owner, "branch")
    clerk = member_with(world, owner, ["teams:read", "agents:read"])
    also(world, clerk, ["teams:assign"], branch)
    role = custom_role(world, owner, ["agents:read"])
    assert [give(clerk, team, role, place).status for place in (branch, None)] == [201, 403]


def test_whoever_cannot_see_the_subject_gives_it_nothing(world: World, owner: Person, team: str) -> None:
    clerk = member_with(world, owner, GIVING, world.node(owner, "branch"))
    assert give(clerk, team, "viewer").status == 404


def test_nobody_takes_what_they_could_not_give(world: World, owner: Person, team: str) -> None:
    given = give(owner, team, "admin").data["id"]
    clerk = member_with(world, owner, GIVING)
    assert clerk.client.delete(f"/teams/{team}/assignments/{given}").codes == {"_": ["permission_denied"]}


def test_nobody_gives_a_role_for_longer_than_they_hold_it(world: World, owner: Person, team: str) -> None:
    keeper = world.member(owner, "viewer")
    owner.client.post(f"/teams/{team}/members", {"user_id": keeper.user_id})
    until = now() + timedelta(days=1)
    give(owner, team, "admin", expires_at=to_text(until))
    other = owner.client.post("/teams", {"name": "Other"}).data["id"]
    assert give(keeper, other, "builder").codes == {"_": ["permission_denied"]}
    assert give(keeper, other, "builder", expires_at=to_text(until + timedelta(seconds=1))).status == 403
    assert give(keeper, other, "builder", expires_at=to_text(until)).status == 201


def test_nobody_takes_or_shortens_a_role_that_lasts_longer_than_they_hold_it(world: World, owner: Person, team: str) -> None:
    role, keeper = custom_role(world, owner, ["agents:read"]), member_with(world, owner, GIVING)
    joined = owner.client.post("/teams", {"name": "Readers for a day"}).data["id"]
    owner.client.post(f"/teams/{joined}/members", {"user_id": keeper.user_id})
    give(owner, joined, role, expires_at=to_text(now() + timedelta(days=1)))
    given = give(owner, team, role).data
    assert give(keeper, team, role, expires_at=to_text(now() + timedelta(seconds=60))).codes == {"_": ["permission_denied"]}
    path = f"/teams/{team}/assignments/{given['id']}"
    assert keeper.client.delete(path).codes == {"_": ["permission_denied"]}
    assert owner.client.get(f"/teams/{team}/assignments").data["items"] == [given]


def test_a_team_owns_nothing(owner: Person, team: str) -> None:
    assert give(owner, team, "owner").codes == {"role": ["invalid_reference"]}


def test_places_and_roles_of_another_organization_are_like_none(world: World, owner: Person, team: str) -> None:
    stranger = world.organization("Other")
    theirs = world.node(stranger, "project")
    role = custom_role(world, stranger, ["agents:read"])
    assert give(owner, team, role).codes == {"role": ["invalid_reference"]}
    nothing = "project_01h455vb4pex5vsknk084sn02q"
    known, unknown = give(owner, team, "viewer", theirs), give(owner, team, "viewer", nothing)
    assert known.codes == unknown.codes == {"place.id": ["invalid_reference"]}
    assert known.body == unknown.body


def test_what_is_wrong_about_role_place_and_time_is_said(world: World, owner: Person, team: str) -> None:
    branch = world.node(owner, "branch")
    path, role = f"/teams/{team}/assign", {"role": "viewer"}
    tried: list[tuple[dict[str, Any], dict[str, list[str]]]] = [
        ({"place": {"type": "organization"}}, {"role": ["required"]}),
        ({**role, "role_id": "role_01h455vb4pex5vsknk084sn02q", "place": {"type": "organization"}}, {"role": ["invalid_choice"]}),
        ({"role": "viewers", "place": {"type": "organization"}}, {"role": ["invalid_reference"]}),
        ({**role, "place": {"type": "branch"}}, {"place.id": ["required"]}),
        ({**role, "place": {"type": "project", "id": branch}}, {"place.type": ["invalid_reference"]}),
        ({**role, "place": {"type": "agent", "id": branch}}, {"place.type": ["invalid_choice"]}),
        ({**role, "place": {"type": "organization"}, "expires_at": "2020-01-01T00:00:00Z"}, {"expires_at": ["out_of_range"]}),
        ({**role, "place": {"type": "organization"}, "source": "team"}, {"source": ["unknown_field"]}),
        ({**role, "place": {"type": "organization"}, "subject_id": owner.user_id}, {"subject_id": ["unknown_field"]}),
    ]
    for body, codes in tried:
        assert owner.client.post(path, body).codes == codes, body
