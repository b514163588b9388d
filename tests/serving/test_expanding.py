"""``expand=``: names beside ids, for those who may know them."""

from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_core.ids import new_id
from aasim_core.openapi import document
from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Person, World
from aasim_plugins.agents.models import Agent


@pytest.fixture
def owner(world: World) -> Person:
    return world.organization()


def agent_in(owner: Person, project: str | None = None, name: str = "Host") -> dict[str, Any]:
    return dict(owner.client.post("/agents", {"name": name, "project_id": project, "visibility": "organization"}).data)


def project_of(owner: Person) -> str:
    return str(owner.client.post("/projects", {"name": "Launch"}).data["id"])


def test_a_list_and_a_read_have_names_beside_the_ids(owner: Person) -> None:
    project = project_of(owner)
    agent = agent_in(owner, project)
    me = owner.client.get(f"/users/{owner.user_id}").data
    expected = {"owner": {"id": owner.user_id, "name": me["name"]}, "project": {"id": project, "name": "Launch"}}
    [plain] = owner.client.get("/agents").data["items"]
    [item] = owner.client.get("/agents?expand=owner,project").data["items"]
    assert item == {**plain, **expected}
    path = f"/agents/{agent['id']}"
    assert owner.client.get(f"{path}?expand=owner,project").data == {**owner.client.get(path).data, **expected}


def test_names_stand_beside_the_fields_that_are_asked_for(owner: Person) -> None:
    project = project_of(owner)
    agent_in(owner, project)
    assert owner.client.get("/agents?fields=name&expand=project").data["items"] == [
        {"name": "Host", "project": {"id": project, "name": "Launch"}}
    ]


def test_pages_go_on_with_names_or_without(owner: Person) -> None:
    made = {agent_in(owner, name=name)["id"] for name in ("One", "Two")}
    first = owner.client.get("/agents?limit=1&expand=owner").data
    second = owner.client.get(f"/agents?limit=1&cursor={first['pagination']['next_cursor']}").data
    assert {item["id"] for page in (first, second) for item in page["items"]} == made


def test_a_name_that_the_caller_may_not_read_is_null(world: World, owner: Person) -> None:
    project = project_of(owner)
    agent_in(owner, project)
    person = member_with(world, owner, ["agents:read"])
    [item] = person.client.get("/agents?expand=owner,project").data["items"]
    assert (item["project_id"], item["project"], item["owner"]) == (project, None, None)


def test_a_name_of_another_place_of_the_tree_is_null(world: World, owner: Person) -> None:
    agent_in(owner, project_of(owner))
    person = member_with(world, owner, ["agents:read", "projects:read"], world.node(owner, "branch"))
    [item] = person.client.get("/agents?expand=project").data["items"]
    assert item["project"] is None


def test_a_name_of_what_is_gone_is_null(owner: Person) -> None:
    agent = agent_in(owner)
    with organization_scope(owner.organization_id):
        Agent.update(owner_id=new_id("user")).where(Agent.id == agent["id"]).execute()
    assert owner.client.get(f"/agents/{agent['id']}?expand=owner").data["owner"] is None


def test_a_name_is_null_where_its_feature_is_switched_off(owner: Person) -> None:
    agent_in(owner, project_of(owner))
    owner.client.put(f"/plugins/projects/organizations/{owner.organization_id}", {"status": "disabled"})
    [item] = owner.client.get("/agents?expand=project").data["items"]
    assert item["project"] is None


def test_the_same_version_is_sent_again_with_names_since_these_can_have_changed(owner: Person) -> None:
    path = f"/agents/{agent_in(owner)['id']}"
    tag = owner.client.get(path).headers["etag"]
    assert owner.client.get(path, If_None_Match=tag).status == 304
    assert owner.client.get(f"{path}?expand=owner", If_None_Match=tag).status == 200


def test_an_unknown_name_is_refused_with_those_that_there_are(owner: Person) -> None:
    answer = owner.client.get("/agents?expand=boss")
    assert (answer.status, answer.codes) == (400, {"expand": ["invalid_parameter"]})
    assert "project, owner, engine" in answer.body["errors"]["expand"][0]["message"]


@pytest.mark.long
def test_the_reference_tells_which_names_can_be_added_and_what_they_look_like(world: World) -> None:
    whole = document(world.app)
    parameters = {one["name"]: one for one in whole["paths"]["/api/v1/agents"]["get"]["parameters"] if "name" in one}
    words = parameters["expand"]["schema"]["items"]["$ref"].rpartition("/")[2]
    schemas = whole["components"]["schemas"]
    assert schemas[words] == {"oneOf": [{"const": "project"}, {"const": "owner"}, {"const": "engine"}]}
    assert schemas["agents.AgentOut"]["properties"]["owner"]["anyOf"][0] == {"$ref": "#/components/schemas/core.NamedOut"}


@pytest.mark.parametrize("words", ["manager,shift", "shift", "manager," * 40 + "shift"])
def test_a_word_that_there_is_not_is_told_before_how_many_there_may_be(owner: Person, words: str) -> None:
    refused = owner.client.get(f"/branches?expand={words}")
    assert refused.codes == {"expand": ["invalid_parameter"]}
    assert refused.body["errors"]["expand"][0]["message"] == "Write one of manager."


def test_more_words_than_there_are_is_still_an_error(owner: Person) -> None:
    refused = owner.client.get("/branches?expand=manager,manager")
    assert "at most 1 item" in refused.body["errors"]["expand"][0]["message"]
