"""What roles can allow, and why somebody may do something or not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.access import grants
from aasim_core.access.records import Role, TeamMember
from aasim_core.access.roles import BUILT_IN, built_in_role
from aasim_core.app import App
from aasim_core.bootstrap import build_app
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.backends.connect import bind
from aasim_core.data.records import create
from aasim_core.identity.records import ApiKey
from aasim_core.serving.application import make_wsgi
from aasim_core.tenancy.feature_switches import switch
from aasim_core.tenancy.records import Membership
from aasim_core.testing.principals import key_of, member_with, suspend
from aasim_core.testing.world import Client, Person, World


@pytest.fixture
def owner(world: World) -> Person:
    return world.organization()


@pytest.fixture
def member(world: World, owner: Person) -> Person:
    """A member who may nothing but ask."""
    return member_with(world, owner, ["permissions:read"])


def give(world: World, person: Person, role: str, node_id: str | None = None, **more: Any) -> str:
    with world.app.database.transaction(), organization_scope(person.organization_id):
        return str(grants.grant("user", person.user_id, built_in_role(role), node_id, **more).id)


def explain(asking: Person, about: Person, permission: str, **more: str) -> dict[str, Any]:
    return dict(asking.client.post("/permissions/explain", {"user_id": about.user_id, "permission": permission, **more}).data)


def at(place: str) -> dict[str, str]:
    return {"place": {"type": place.partition("_")[0], "id": place}}


# What there is


def test_a_permission_says_what_asks_for_it_and_who_holds_it(owner: Person) -> None:
    told = owner.client.get("/permissions/agents:execute").data
    assert (told["plugin"], told["dangerous"]) == ("agents", False)
    assert "POST /agents/{agent_id}/execute" in told["operations"]
    assert told["roles"] == ["owner", "admin", "builder", "operator"]


def test_every_permission_is_listed_once_by_pages_and_by_plugin(app: App, owner: Person) -> None:
    met, query = [], "limit=50"
    while query:
        page = owner.client.get(f"/permissions?{query}").data
        met += [item["id"] for item in page["items"]]
        cursor = page["pagination"]["next_cursor"]
        query = f"limit=50&cursor={cursor}" if cursor else ""
    groups = owner.client.get("/permissions/list").data["items"]
    assert met == sorted(app.permissions)
    assert sorted(code for group in groups for code in group["permissions"]) == met


def test_permissions_are_found_by_plugin_role_and_danger(app: App, owner: Person) -> None:
    def found(query: str) -> set[str]:
        return {item["id"] for item in owner.client.get(f"/permissions?limit=100&{query}").data["items"]}

    assert found("plugin=agents") == {name for name in app.permissions if name.startswith("agents:")}
    assert found("roles=viewer") == app.rights.built_in["viewer"]
    assert found("plugin=agents&dangerous=true") == {"agents:delete"}
    assert "agents:read" in found("operations=GET+/agents")


def test_whoever_may_read_them_somewhere_may_read_them(world: World, owner: Person) -> None:
    narrow = member_with(world, owner, ["permissions:read"], world.node(owner, "branch"))
    assert narrow.client.get("/permissions").data["items"] != []
    assert narrow.client.get("/permissions/agents:read").status == 200


@pytest.mark.long
def test_a_plugin_that_is_off_has_no_permissions_and_an_explanation_says_so(app: App, owner: Person) -> None:
    plugins = replace(app.settings.plugins, disabled=("teams",))
    other = build_app(replace(app.settings, plugins=plugins), database=app.database)
    client = Client(make_wsgi(other), owner.client.token)
    groups = {group["plugin"] for group in client.get("/permissions/list").data["items"]}
    assert "teams" not in groups and "roles" in groups
    assert client.get("/permissions/teams:read").status == 404
    told = client.post("/permissions/explain", {"permission": "teams:read"}).data
    assert (told["allowed"], told["reason"]) == (False, "plugin_off")
    bind(app.database, app.models)


# Why


def test_the_grant_that_decides_is_named(world: World, owner: Person, member: Person) -> None:
    branch = world.node(owner, "branch")
    grant, project = give(world, member, "builder", branch), world.node(owner, "project", branch)
    told = explain(owner, member, "agents:create", **at(project))
    assert (told["allowed"], told["reason"], told["place"]["type"]) == (True, "granted", "project")
    first = told["grants"][0]
    assert (first["grant_id"], first["role"], first["place"]["type"], first["verdict"]) == (grant, "builder", "branch", "allows")
    assert told["message"] == "Allowed by the role builder at the branch."


def test_a_team_that_decides_is_named(world: World, owner: Person, member: Person) -> None:
    team = owner.client.post("/teams", {"name": "Builders"}).data["id"]
    with world.app.database.transaction(), organization_scope(owner.organization_id):
        create(TeamMember, team_id=team, user_id=member.user_id)
        grants.grant("team", team, built_in_role("builder"))
    told = explain(owner, member, "agents:create")
    assert (told["grants"][0]["team_id"], told["grants"][0]["team"]) == (team, "Builders")
    assert told["message"] == "Allowed by the role builder at the organization, through the team Builders."


def test_nothing_that_is_held_allows_it(owner: Person, member: Person) -> None:
    told = explain(owner, member, "agents:create")
    assert (told["allowed"], told["reason"]) == (False, "not_granted")
    assert [grant["verdict"] for grant in told["grants"]] == ["lacks_permission"]


def test_it_is_held_elsewhere(world: World, owner: Person, member: Person) -> None:
    branch, other = world.node(owner, "branch"), world.node(owner, "branch")
    give(world, member, "builder", branch)
    assert [explain(owner, member, "agents:create", **place)["reason"] for place in (at(branch), at(other), {})] == [
        "granted",
        "other_place",
        "other_place",
    ]


def test_it_was_held_and_has_ended(world: World, owner: Person, member: Person) -> None:
    give(world, member, "builder", expires_at=now() - timedelta(seconds=1))
    assert explain(owner, member, "agents:create")["reason"] == "expired"


def test_a_suspended_account_or_membership_is_said(app: App, world: World, owner: Person) -> None:
    one, other = world.member(owner, "builder"), world.member(owner, "builder")
    suspend(app, one)
    with app.database.transaction(), organization_scope(owner.organization_id):
        Membership.update(status="deactivated").where(Membership.user_id == other.user_id).execute()
    told = [explain(owner, person, "agents:create") for person in (one, other)]
    assert [(each["allowed"], each["reason"]) for each in told] == [(False, "suspended")] * 2
    assert ["suspended" in told[0]["message"], "deactivated" in told[1]["message"]] == [True, True]


def test_a_plugin_that_is_switched_off_for_the_organization_is_said(app: App, owner: Person) -> None:
    with app.database.transaction(), organization_scope(owner.organization_id):
        switch(owner.organization_id, "agents", False)
    assert explain(owner, owner, "agents:read")["reason"] == "feature_off"


def test_a_key_may_no_more_than_its_scopes_and_its_place(app: App, world: World, owner: Person) -> None:
    project, other = world.node(owner, "project"), world.node(owner, "project")
    key_of(app, owner, ["agents:read"])
    with app.database.transaction(), organization_scope(owner.organization_id):
        key = ApiKey.get(ApiKey.user_id == owner.user_id)
        ApiKey.update(project_id=project).where(ApiKey.id == key.id).execute()
    tried = (("agents:read", project), ("agents:read", other), ("agents:delete", project))
    told = [explain(owner, owner, permission, api_key_id=key.id, **at(place))["reason"] for permission, place in tried]
    assert told == ["granted", "key_place", "key_scope"]
    with app.database.transaction(), organization_scope(owner.organization_id):
        ApiKey.update(expires_at=now() - timedelta(seconds=1)).where(ApiKey.id == key.id).execute()
    assert explain(owner, owner, "agents:read", api_key_id=key.id, **at(project))["reason"] == "key_inactive"


@pytest.mark.parametrize("role", BUILT_IN)
def test_an_explanation_is_what_a_request_is_told(app: App, world: World, owner: Person, role: str) -> None:
    person = world.member(owner, role)
    for permission in ("agents:read", "agents:create", "teams:create", "roles:create"):
        path, body = f"/{permission.partition(':')[0]}", {"name": f"{role} tries"}
        asked = person.client.get(path) if permission.endswith("read") else person.client.post(path, body)
        assert explain(owner, person, permission)["allowed"] is (asked.status < 400), permission


# Who may ask


def test_everybody_asks_about_themselves_and_few_about_others(world: World, owner: Person, member: Person) -> None:
    assert member.client.post("/permissions/explain", {"permission": "agents:read"}).data["user_id"] == member.user_id
    refused = member.client.post("/permissions/explain", {"user_id": owner.user_id, "permission": "agents:read"})
    assert refused.codes == {"_": ["permission_denied"]}
    assert explain(world.member(owner, "auditor"), owner, "agents:read")["allowed"] is True


def test_somebody_of_another_organization_is_like_nobody(world: World, owner: Person) -> None:
    stranger, nobody = world.organization("Other").user_id, "user_01h455vb4pex5vsknk084sn02q"
    answers = [
        owner.client.post("/permissions/explain", {"user_id": user_id, "permission": "agents:read"})
        for user_id in (stranger, nobody)
    ]
    assert [answer.codes for answer in answers] == [{"user_id": ["invalid_reference"]}] * 2
    assert answers[0].body == answers[1].body


def test_a_place_where_one_holds_nothing_is_not_there(world: World, owner: Person) -> None:
    branch, other = world.node(owner, "branch"), world.node(owner, "branch")
    narrow = member_with(world, owner, ["permissions:read"], branch)
    ask = [narrow.client.post("/permissions/explain", {"permission": "agents:read", **at(place)}) for place in (branch, other)]
    assert ask[0].data["allowed"] is False
    assert ask[1].codes == {"place.id": ["invalid_reference"]}


def test_what_is_wrong_about_the_question_is_said(world: World, owner: Person) -> None:
    branch, role = world.node(owner, "branch"), {"permission": "agents:read"}
    tried: list[tuple[dict[str, str], dict[str, list[str]]]] = [
        ({}, {"permission": ["required"]}),
        ({"permission": "agents:reed"}, {"permission": ["invalid_choice"]}),
        ({**role, "place": {"id": branch}}, {"place.type": ["required"]}),
        ({**role, "place": {"type": "branch"}}, {"place.id": ["required"]}),
        ({**role, "place": {"type": "project", "id": branch}}, {"place.type": ["invalid_reference"]}),
        ({**role, "api_key_id": "apikey_01h455vb4pex5vsknk084sn02q"}, {"api_key_id": ["invalid_reference"]}),
    ]
    for body, codes in tried:
        assert owner.client.post("/permissions/explain", body).codes == codes, body


def test_a_role_of_the_organization_decides_by_its_own_permissions(world: World, owner: Person, member: Person) -> None:
    with world.app.database.transaction(), organization_scope(owner.organization_id):
        grants.grant("user", member.user_id, create(Role, name="Reader", permissions=["agents:read"]))
    assert explain(owner, member, "agents:read")["message"] == "Allowed by the role Reader at the organization."
