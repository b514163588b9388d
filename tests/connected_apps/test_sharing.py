"""Who sees an app, and who may have agents use it: whoever may do so at its project, and those with whom it is shared."""

from typing import Any

import pytest

from aasim_core.access.records import Team, TeamMember
from aasim_core.context import organization_scope
from aasim_core.data.records import create
from aasim_core.identity.records import ApiKey
from aasim_core.testing.principals import key_of, member_with
from aasim_core.testing.world import Person, World

from .conftest import Apps

BODY: dict[str, Any] = {
    "provider": "http", "auth_type": "bearer", "credentials": {"token": "sentinel"},
    "config": {"base_url": "https://api.example.com", "operations": [{"name": "read", "method": "GET", "path": "/"}]},
}  # fmt: skip
READ_AND_USE = ("connected_apps:read", "connected_apps:use", "agents:create", "agents:read")


@pytest.fixture
def shop(world: World, owner: Person) -> str:
    """A project."""
    return world.node(owner, "project")


@pytest.fixture
def stranger(world: World, owner: Person) -> Person:
    """Somebody who may read and use apps, in another project."""
    return member_with(world, owner, READ_AND_USE, world.node(owner, "project"))


def names(person: Person) -> list[str]:
    return [item["name"] for item in person.client.get("/connected-apps?sort=name").data["items"]]


def may_use(person: Person, made: dict[str, Any]) -> bool:
    """Whether they can make an agent that uses it."""
    body = {"name": f"Of {person.user_id[-6:]}", "tools": [{"ref": f"app:{made['id']}/read"}]}
    answer = person.client.post("/agents", body)
    assert answer.status == 201 or "tools[0].ref" in answer.codes, answer
    return answer.status == 201


def team_of(owner: Person, person: Person, apps: Apps) -> str:
    with organization_scope(owner.organization_id), apps.app.database.transaction():
        team: Team = create(Team, name="Crew", slug="crew")
        create(TeamMember, team_id=team.id, user_id=person.user_id, team_role="member")
    return str(team.id)


def test_an_app_of_a_project_is_there_for_those_of_the_project(
    world: World, owner: Person, apps: Apps, shop: str, stranger: Person
) -> None:
    made = apps.connect(name="Orders", project_id=shop, **BODY)
    member = member_with(world, owner, READ_AND_USE, shop)

    assert (names(member), names(stranger)) == (["Orders"], [])
    assert (member.client.get(f"/connected-apps/{made['id']}").status, stranger.client.get(f"/connected-apps/{made['id']}").status) == (
        200, 404,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["user", "team", "node"])
def test_a_share_lets_others_see_and_use_it_and_nothing_more(
    world: World, owner: Person, apps: Apps, shop: str, kind: str
) -> None:
    place = world.node(owner, "project")
    guest = member_with(world, owner, (*READ_AND_USE, "connected_apps:update"), place)
    target = {"user": guest.user_id, "node": place, "team": team_of(owner, guest, apps)}[kind]
    other = apps.connect(name="Hidden", project_id=shop, **BODY)
    made = apps.connect(name="Orders", project_id=shop, shared_with=[{"type": kind, "id": target}], **BODY)
    path = f"/connected-apps/{made['id']}"

    assert names(guest) == ["Orders"]
    assert guest.client.get(path).data["shared_with"] == [{"type": kind, "id": target}]
    assert guest.client.patch(path, {"name": "Mine"}).codes == {"_": ["permission_denied"]}
    with organization_scope(owner.organization_id):
        assert [apps.record(each).shared_with != [] for each in (made, other)] == [True, False]

    apps.client.patch(path, {"shared_with": []})
    assert names(guest) == []
    assert guest.client.get(path).status == 404


def test_a_share_gives_no_permission_to_whoever_has_none(world: World, owner: Person, apps: Apps, shop: str) -> None:
    nobody = member_with(world, owner, ("agents:read",), world.node(owner, "project"))
    made = apps.connect(name="Orders", project_id=shop, shared_with=[{"type": "user", "id": nobody.user_id}], **BODY)

    assert nobody.client.get(f"/connected-apps/{made['id']}").status == 403


def test_agents_have_the_tools_of_apps_that_their_maker_may_use(world: World, owner: Person, apps: Apps) -> None:
    made = apps.connect(name="Orders", **BODY)
    builder = world.member(owner, "builder")
    reader = member_with(world, owner, set(READ_AND_USE) - {"connected_apps:use"})

    assert may_use(builder, made)
    assert not may_use(reader, made)


def test_agents_that_one_does_not_see_are_counted_and_not_named(world: World, owner: Person, apps: Apps) -> None:
    made = apps.connect(name="Orders", **BODY)
    path = f"/connected-apps/{made['id']}"
    maker = member_with(world, owner, READ_AND_USE)
    other = member_with(world, owner, (*READ_AND_USE, "connected_apps:delete"))
    body = {"name": "Layoffs", "visibility": "private", "tools": [{"ref": f"app:{made['id']}/read"}]}
    assert maker.client.post("/agents", body).status == 201

    assert [user["label"] for user in maker.client.get(path).data["used_by"]] == ["Layoffs"]
    for seen in (other.client.get(path).data, other.client.get("/connected-apps").data["items"][0]):
        assert (seen["used_by"], seen["used_by_count"]) == ([], 1)
    refused = other.client.delete(path)
    assert refused.body["errors"]["_"][0]["meta"] == {"used_by": [], "used_by_count": 1}


def test_a_guest_may_use_what_is_shared_with_them(world: World, owner: Person, apps: Apps, shop: str) -> None:
    guest = member_with(world, owner, ("connected_apps:read", "connected_apps:use"), world.node(owner, "project"))
    made = apps.connect(name="Orders", project_id=shop, shared_with=[{"type": "user", "id": guest.user_id}], **BODY)
    from aasim_core.tenancy.principal import Principal
    from aasim_plugins.connected_apps import service

    with organization_scope(owner.organization_id):
        rights = apps.app.rights.of(Principal("user", guest.user_id, owner.organization_id, 99, "guest"))
        assert service.may_use(rights, apps.record(made), guest.user_id)
        apps.client.patch(f"/connected-apps/{made['id']}", {"shared_with": []})
        assert not service.may_use(rights, apps.record(made), guest.user_id)


@pytest.mark.parametrize("kind", ["user", "team", "node"])
def test_a_key_that_is_limited_to_a_place_gets_what_is_shared_there_only(
    world: World, owner: Person, apps: Apps, shop: str, kind: str
) -> None:
    place = world.node(owner, "project")
    guest = member_with(world, owner, READ_AND_USE, place)
    target = {"user": guest.user_id, "node": place, "team": team_of(owner, guest, apps)}[kind]
    made = apps.connect(name="Orders", project_id=shop, shared_with=[{"type": kind, "id": target}], **BODY)
    key = key_of(apps.app, guest, READ_AND_USE)
    with organization_scope(owner.organization_id), apps.app.database.transaction():
        ApiKey.update(project_id=place).execute()

    assert names(guest) == ["Orders"]
    assert names(key) == (["Orders"] if kind == "node" else [])
    assert key.client.get(f"/connected-apps/{made['id']}").status == (200 if kind == "node" else 404)
