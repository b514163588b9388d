"""Nobody's key may do more than they; and whose keys are there for whom."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aasim_core.access import grants
from aasim_core.access.records import Grant
from aasim_core.access.roles import built_in_role
from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.identity.accounts import create_user
from aasim_core.settings import Settings
from aasim_core.tenancy import people
from aasim_core.tenancy.records import User
from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Client, Person, World

Make = Callable[..., dict[str, Any]]
Robot = Callable[[str], Client]
OWN = ("api_keys:read", "api_keys:create", "api_keys:update", "api_keys:delete")


def listed(person: Person, question: str = "") -> set[str]:
    return {item["id"] for item in person.client.get(f"/api-keys{question}").data["items"]}


def take_roles(world: World, person: Person) -> None:
    """Take every role from the person."""
    with world.app.database.transaction(), organization_scope(person.organization_id):
        for held in list(Grant.select().where(Grant.subject_id == person.user_id)):
            grants.revoke(held.id)


# What a key may do


def test_nobody_gives_a_key_what_they_do_not_hold(world: World, owner: Person) -> None:
    operator = world.member(owner, "operator")
    answer = operator.client.post("/api-keys", {"name": "x", "scopes": ["agents:read", "agents:delete"]})
    assert (answer.status, answer.codes) == (422, {"scopes[1]": ["invalid_choice"]})


def test_a_viewer_makes_no_keys(world: World, owner: Person) -> None:
    answer = world.member(owner, "viewer").client.post("/api-keys", {"name": "x", "scopes": ["agents:read"]})
    assert (answer.status, answer.codes) == (403, {"_": ["permission_denied"]})


def test_a_key_loses_at_once_what_its_maker_loses(world: World, owner: Person, make: Make, robot: Robot) -> None:
    builder = world.member(owner, "builder")
    client = robot(make(builder, "agents:read", "agents:create")["key"])
    assert client.post("/agents", {"name": "One"}).status == 201
    take_roles(world, builder)
    for answer in (client.post("/agents", {"name": "Two"}), client.get("/agents")):
        assert answer.codes == {"_": ["permission_denied"]}


def test_a_change_does_not_give_a_key_more_than_its_maker_holds(world: World, owner: Person, make: Make) -> None:
    operator = world.member(owner, "operator")
    path = f"/api-keys/{make(operator)['id']}"
    answer = operator.client.patch(path, {"scopes": ["agents:read", "agents:create"]})
    assert answer.codes == {"scopes[1]": ["invalid_choice"]}


def test_scopes_that_a_key_has_stay_without_question(world: World, owner: Person, make: Make) -> None:
    maker = member_with(world, owner, [*OWN, "agents:read", "agents:create"])
    made = make(maker, "agents:read", "agents:create")
    take_roles(world, maker)
    assert owner.client.patch(f"/api-keys/{made['id']}", {"name": "Other"}).data["scopes"] == ["agents:read", "agents:create"]


def test_a_key_of_a_project_does_nothing_elsewhere(world: World, owner: Person, make: Make, robot: Robot) -> None:
    mine, other = world.node(owner, "project"), world.node(owner, "project")
    client = robot(make(owner, "agents:read", "agents:create", project_id=mine)["key"])
    agent = {"name": "One", "visibility": "project"}
    assert client.post("/agents", {**agent, "project_id": mine}).status == 201
    assert client.post("/agents", {**agent, "name": "Two", "project_id": other}).codes == {"project_id": ["invalid_reference"]}
    assert client.post("/agents", {"name": "Three"}).codes == {"_": ["permission_denied"]}


def test_a_project_must_be_there_for_the_maker(world: World, owner: Person) -> None:
    mine, other = world.node(owner, "project"), world.node(owner, "project")
    maker = member_with(world, owner, [*OWN, "agents:read"], mine)
    tried = [other, "project_00000000000000000000000000", world.node(world.organization("Other"), "project")]
    bodies = [
        maker.client.post("/api-keys", {"name": "x", "scopes": ["agents:read"], "project_id": project_id}).body
        for project_id in tried
    ]
    assert bodies[0]["errors"]["project_id"][0]["code"] == "invalid_reference"
    assert bodies[1:] == bodies[:1] * 2
    assert maker.client.post("/api-keys", {"name": "x", "scopes": ["agents:read"], "project_id": mine}).status == 201


class TestLimited:
    """Where requests are counted."""

    @pytest.fixture
    def app_settings(self, app_settings: Settings) -> Settings:
        return replace(app_settings, rate_limits=replace(app_settings.rate_limits, enabled=True))

    @pytest.mark.long
    def test_a_key_has_a_limit_of_its_own(self, owner: Person, make: Make, robot: Robot) -> None:
        client = robot(make(owner, rate_limit=2)["key"])
        assert [client.get("/agents").status for _ in range(3)] == [200, 200, 429]
        assert owner.client.get("/agents").status == 200


# Whose keys are there for whom


def test_members_see_their_own_keys_only(world: World, owner: Person, make: Make) -> None:
    one, other = (world.member(owner, "builder") for _ in range(2))
    mine, theirs = make(one), make(other)
    assert listed(one) == listed(one, "?status=active") == {mine["id"]}
    for answer in (
        one.client.get(f"/api-keys/{theirs['id']}"), one.client.delete(f"/api-keys/{theirs['id']}"),
        one.client.post(f"/api-keys/{theirs['id']}/toggle", {"status": "disabled"}),
    ):  # fmt: skip
        assert answer.codes == {"_": ["not_found"]}


def test_whoever_manages_keys_sees_and_stops_those_of_others(
    app: App, world: World, owner: Person, make: Make, robot: Robot
) -> None:
    builder = world.member(owner, "builder")
    made = make(builder)
    assert listed(owner) == {made["id"]}
    assert listed(owner, f"?user_id={builder.user_id}") == {made["id"]}
    assert owner.client.patch(f"/api-keys/{made['id']}", {"description": "Whose is it?"}).status == 200
    assert owner.client.post(f"/api-keys/{made['id']}/toggle", {"status": "disabled"}).data["status"] == "disabled"
    assert robot(made["key"]).get("/agents").status == 401
    assert owner.client.delete(f"/api-keys/{made['id']}").status == 200


def test_nobody_has_the_key_of_another_person_shown(world: World, owner: Person, make: Make, robot: Robot) -> None:
    made = make(world.member(owner, "builder"))
    answer = owner.client.post(f"/api-keys/{made['id']}/regenerate")
    assert (answer.status, answer.codes) == (403, {"_": ["permission_denied"]})
    assert robot(made["key"]).get("/agents").status == 200


def test_whoever_manages_keys_gives_them_only_what_both_hold(world: World, owner: Person, make: Make) -> None:
    made = make(world.member(owner, "operator"))
    path = f"/api-keys/{made['id']}"
    assert owner.client.patch(path, {"scopes": ["agents:create"]}).codes == {"scopes[0]": ["invalid_choice"]}
    manager = member_with(world, owner, [*OWN, "api_keys:manage"])
    assert manager.client.patch(path, {"scopes": ["agents:execute"]}).codes == {"scopes[0]": ["invalid_choice"]}
    assert owner.client.patch(path, {"scopes": ["agents:execute"]}).status == 200


def test_whoever_manages_keys_in_a_project_sees_those_of_the_project(world: World, owner: Person, make: Make) -> None:
    mine, other = world.node(owner, "project"), world.node(owner, "project")
    manager = member_with(world, owner, [*OWN, "api_keys:manage", "agents:read"], mine)
    there, elsewhere, everywhere = (make(owner, project_id=project_id) for project_id in (mine, other, None))
    assert listed(manager) == {there["id"]}
    assert manager.client.get(f"/api-keys/{there['id']}").status == 200
    assert {manager.client.get(f"/api-keys/{each['id']}").status for each in (elsewhere, everywhere)} == {404}


def test_a_key_is_moved_by_whoever_manages_keys_at_both_ends(world: World, owner: Person, make: Make) -> None:
    mine = world.node(owner, "project")
    manager = member_with(world, owner, [*OWN, "api_keys:manage"], mine)
    with world.app.database.transaction(), organization_scope(owner.organization_id):
        grants.grant("user", manager.user_id, built_in_role("viewer"))
    path = f"/api-keys/{make(owner, project_id=mine)['id']}"
    assert manager.client.patch(path, {"project_id": None}).codes == {"_": ["permission_denied"]}
    assert owner.client.patch(path, {"project_id": None}).data["project_id"] is None


def test_a_key_sees_the_keys_of_whom_it_acts_for(world: World, owner: Person, make: Make, robot: Robot) -> None:
    builder = world.member(owner, "builder")
    make(owner)
    made = make(builder, "api_keys:read")
    assert [item["id"] for item in robot(made["key"]).get("/api-keys").data["items"]] == [made["id"]]


# Service users


@pytest.fixture
def service(world: World, owner: Person) -> str:
    """A service user of the organization who may run agents."""
    with world.app.database.transaction(), system_scope("test"):
        user = create_user("robot@example.org", "Robot", None, kind="service")
    with world.app.database.transaction(), organization_scope(owner.organization_id):
        people.join(user.id)
        grants.grant("user", user.id, built_in_role("operator"))
    return str(user.id)


def test_a_service_users_key_acts_for_the_service_user(owner: Person, make: Make, robot: Robot, service: str) -> None:
    made = make(owner, "agents:read", user_id=service)
    assert made["user_id"] == service
    assert robot(made["key"]).get("/auth/me").data["user"]["id"] == service
    fresh = owner.client.post(f"/api-keys/{made['id']}/regenerate").data
    assert robot(fresh["key"]).get("/agents").status == 200


def test_a_service_users_key_may_do_what_both_may(world: World, owner: Person, service: str) -> None:
    body = {"name": "x", "user_id": service}
    beyond_it = owner.client.post("/api-keys", {**body, "scopes": ["agents:create"]})
    assert beyond_it.codes == {"scopes[0]": ["invalid_choice"]}
    manager = member_with(world, owner, [*OWN, "api_keys:manage"])
    beyond_me = manager.client.post("/api-keys", {**body, "scopes": ["agents:read"]})
    assert beyond_me.codes == {"scopes[0]": ["invalid_choice"]}


def test_whoever_holds_less_than_a_key_does_not_get_it_into_their_hands(
    world: World, owner: Person, make: Make, service: str
) -> None:
    made = make(owner, "agents:read", user_id=service)
    manager = member_with(world, owner, [*OWN, "api_keys:manage"])
    assert manager.client.post(f"/api-keys/{made['id']}/regenerate").codes == {"_": ["permission_denied"]}


def test_only_whoever_manages_keys_makes_them_for_others(world: World, owner: Person, service: str) -> None:
    builder = world.member(owner, "builder")
    answer = builder.client.post("/api-keys", {"name": "x", "scopes": ["agents:read"], "user_id": service})
    assert (answer.status, answer.codes) == (403, {"_": ["permission_denied"]})


def test_people_make_their_keys_themselves(world: World, owner: Person, service: str) -> None:
    member, stranger = world.member(owner, "builder"), world.organization("Other")
    with system_scope("test"), world.app.database.transaction():
        away = create_user("away@example.org", "Away", None, kind="service")
    bodies = [
        owner.client.post("/api-keys", {"name": "x", "scopes": ["agents:read"], "user_id": user_id}).body
        for user_id in (member.user_id, stranger.user_id, str(away.id), "user_00000000000000000000000000")
    ]
    assert bodies[0]["errors"]["user_id"][0]["code"] == "invalid_reference"
    assert bodies[1:] == bodies[:1] * 3


def test_a_suspended_service_users_key_stops(world: World, owner: Person, make: Make, robot: Robot, service: str) -> None:
    client = robot(make(owner, user_id=service)["key"])
    assert client.get("/agents").status == 200
    with system_scope("test"), world.app.database.transaction():
        User.update(status="suspended").where(User.id == service).execute()
    assert client.get("/agents").codes == {"_": ["invalid_token"]}
