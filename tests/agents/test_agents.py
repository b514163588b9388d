"""Agents through the API: the five verbs, versions, and who sees what."""

from typing import Any

import pytest

from aasim_core.testing.world import Person, World

#: Each definition applies the one below twice.
DOUBLING = {
    "$defs": {"b0": {}, **{f"b{n}": {"allOf": [{"$ref": f"#/$defs/b{n - 1}"}] * 2} for n in range(1, 40)}},
    "$ref": "#/$defs/b39",
}


def test_a_new_agent_has_defaults_and_a_location(owner: Person) -> None:
    answer = owner.client.post("/agents", {"name": "Summariser"})
    assert answer.status == 201
    assert answer.headers["location"] == f"/api/v1/agents/{answer.data['id']}"
    assert answer.data["slug"] == "summariser"
    assert (answer.data["status"], answer.data["visibility"], answer.data["agent_version"]) == ("active", "organization", 1)


def test_an_engine_that_an_agent_names_is_not_deleted(owner: Person) -> None:
    engine = owner.client.post(
        "/engines", {"name": "Ours", "provider": "openai_compatible", "model": "m-1", "base_url": "http://127.0.0.1:9/v1"}
    ).data
    agent = owner.client.post("/agents", {"name": "Scribe", "engine_id": engine["id"]}).data

    refused = owner.client.delete(f"/engines/{engine['id']}")
    assert refused.codes == {"_": ["in_use"]}
    [user] = refused.body["errors"]["_"][0]["meta"]["used_by"]
    assert user == {"type": "agent", "id": agent["id"], "label": "Scribe", "field": "engine_id"}

    owner.client.patch(f"/agents/{agent['id']}", {"engine_id": None})
    assert owner.client.delete(f"/engines/{engine['id']}").status == 200


def test_whoever_may_delete_an_engine_does_not_learn_the_name_of_somebody_elses_private_agent(
    world: World, owner: Person
) -> None:
    engine = owner.client.post(
        "/engines", {"name": "Ours", "provider": "openai_compatible", "model": "m-1", "base_url": "http://127.0.0.1:9/v1"}
    ).data
    agent = (
        world.member(owner, "builder")
        .client.post("/agents", {"name": "Divorce lawyer", "engine_id": engine["id"], "visibility": "private"})
        .data
    )

    refused = owner.client.delete(f"/engines/{engine['id']}")
    [user] = refused.body["errors"]["_"][0]["meta"]["used_by"]
    assert user == {"type": "agent", "id": agent["id"], "label": agent["id"], "field": "engine_id"}


def test_names_are_unique_among_live_agents(owner: Person) -> None:
    first = owner.client.post("/agents", {"name": "Summariser"}).data
    assert owner.client.post("/agents", {"name": "Summariser"}).codes == {"name": ["not_unique"]}
    assert owner.client.post("/agents", {"name": "Summariser!"}).data["slug"].startswith("summariser-")
    assert owner.client.delete(f"/agents/{first['id']}").data == {"id": first["id"], "deleted": True}
    assert owner.client.post("/agents", {"name": "Summariser"}).status == 201


def test_what_is_wrong_is_said_for_every_field(owner: Person) -> None:
    body = {"nam": "x", "status": "on", "instructions": "{{ secret.key }}", "input_schema": {"type": "strin"}, "tags": ["a", "a"]}
    assert owner.client.post("/agents", body).codes == {
        "name": ["required"],
        "nam": ["unknown_field"],
        "status": ["invalid_choice"],
        "instructions": ["invalid_format"],
        "input_schema": ["invalid_format"],
        "tags": ["not_unique"],
    }


@pytest.mark.parametrize(
    ("field", "bomb", "told"),
    [
        ("instructions", "{{ input.a }}" * 201, "201 places to fill in"),
        ("input_schema", DOUBLING, "more than 10000 parts; simplify it"),
        ("output_schema", DOUBLING, "more than 10000 parts; simplify it"),
    ],
)
def test_what_would_take_too_many_steps_is_refused_with_its_field(owner: Person, field: str, bomb: Any, told: str) -> None:
    answer = owner.client.post("/agents", {"name": "Bomb", field: bomb})
    assert answer.codes == {field: ["invalid_format"]}
    assert told in answer.body["errors"][field][0]["message"]


def test_hostile_instructions_are_saved_in_one_pass(owner: Person) -> None:
    assert owner.client.post("/agents", {"name": "Braces", "instructions": "{{" * 50_000}).status == 201


def test_a_patch_changes_what_it_names_and_a_put_resets_the_rest(owner: Person) -> None:
    agent = owner.client.post("/agents", {"name": "One", "description": "kept", "tags": ["a"]}).data
    patched = owner.client.patch(f"/agents/{agent['id']}", {"name": "Two"}).data
    assert (patched["name"], patched["description"], patched["version"]) == ("Two", "kept", 2)
    replaced = owner.client.put(f"/agents/{agent['id']}", {"name": "Three", "slug": "three"}).data
    assert (replaced["name"], replaced["description"], replaced["tags"]) == ("Three", "", [])


def test_a_patch_merges_objects_within_and_null_returns_a_member_to_its_default(owner: Person) -> None:
    given = {"name": "One", "memory": {"mode": "none", "limit": 3}, "limits": {"max_steps": 3}}
    path = f"/agents/{owner.client.post('/agents', given).data['id']}"
    assert owner.client.patch(path, {"memory": {"mode": "none"}}).data["memory"] == {"mode": "none", "limit": 3}
    assert owner.client.patch(path, {"memory": {"limit": None}}).data["memory"] == {"mode": "none", "limit": 10}
    assert owner.client.patch(path, {"limits": {"max_tokens": 5}}).data["limits"] == {"max_steps": 3, "max_tokens": 5}
    assert owner.client.patch(path, {"limits": {"max_steps": None}}).data["limits"] == {"max_tokens": 5}
    assert owner.client.patch(path, {"limits": {"max_step": None}}).codes == {"limits.max_step": ["unknown_field"]}
    assert owner.client.patch(path, {"limits": None}).codes == {"limits": ["null_not_allowed"]}


@pytest.mark.parametrize(("known", "status"), [('"1"', 304), ("*", 304), ('"0", "1"', 304), ('"0"', 200)])
def test_what_the_caller_knows_is_not_sent_again(owner: Person, known: str, status: int) -> None:
    agent = owner.client.post("/agents", {"name": "One"}).data
    assert owner.client.get(f"/agents/{agent['id']}", If_None_Match=known).status == status


def test_a_stale_etag_is_refused(owner: Person) -> None:
    agent = owner.client.post("/agents", {"name": "One"}).data
    path = f"/agents/{agent['id']}"
    tag = owner.client.get(path).headers["etag"]
    assert owner.client.get(path, If_None_Match=tag).status == 304
    assert owner.client.patch(path, {"name": "Two"}, If_Match=tag).status == 200
    assert owner.client.patch(path, {"name": "Three"}, If_Match=tag).codes == {"_": ["version_conflict"]}


def test_a_change_of_the_definition_makes_a_version_that_can_be_restored(owner: Person) -> None:
    agent = owner.client.post("/agents", {"name": "One", "instructions": "first"}).data
    path = f"/agents/{agent['id']}"
    assert owner.client.patch(path, {"description": "no definition"}).data["agent_version"] == 1
    assert owner.client.patch(path, {"instructions": "second"}).data["agent_version"] == 2
    versions = owner.client.get(f"{path}/versions").data["items"]
    assert [(v["number"], v["definition"]["instructions"]) for v in versions] == [(2, "second"), (1, "first")]
    restored = owner.client.post(f"{path}/versions/1/restore").data
    assert (restored["instructions"], restored["agent_version"]) == ("first", 3)
    assert owner.client.post(f"{path}/versions/9/restore").status == 404


def test_lists_are_paged_filtered_sorted_and_sparse(owner: Person) -> None:
    for number in range(5):
        owner.client.post("/agents", {"name": f"Agent {number}", "tags": ["even"] if number % 2 == 0 else []})
    first = owner.client.get("/agents?limit=2&sort=name&include=total").data
    assert [item["name"] for item in first["items"]] == ["Agent 0", "Agent 1"] and first["pagination"]["total"] == 5
    second = owner.client.get(f"/agents?limit=2&sort=name&cursor={first['pagination']['next_cursor']}").data
    assert [item["name"] for item in second["items"]] == ["Agent 2", "Agent 3"]
    back = owner.client.get(f"/agents?limit=2&sort=name&cursor={second['pagination']['prev_cursor']}").data
    assert back["items"] == first["items"]
    assert len(owner.client.get("/agents?tags=even").data["items"]) == 3
    assert owner.client.get("/agents?name=Agent+3&fields=name").data["items"] == [{"name": "Agent 3"}]
    assert owner.client.get("/agents?nam=x").codes == {"nam": ["unknown_parameter"]}
    assert owner.client.get(f"/agents?cursor={first['pagination']['next_cursor']}").codes == {"cursor": ["invalid_cursor"]}


def test_a_private_agent_is_there_for_its_owner_only(world: World, owner: Person) -> None:
    builder = world.member(owner, "builder")
    agent = builder.client.post("/agents", {"name": "Mine", "visibility": "private"}).data
    assert builder.client.get(f"/agents/{agent['id']}").status == 200
    assert owner.client.get(f"/agents/{agent['id']}").status == 404
    assert owner.client.get("/agents").data["items"] == []


def test_an_agent_of_a_project_is_there_within_the_reach_of_a_role(world: World, owner: Person) -> None:
    mine, other = world.node(owner, "project"), world.node(owner, "project")
    builder = world.member(owner, "builder", mine)
    for project_id in (mine, other):
        owner.client.post("/agents", {"name": project_id, "visibility": "project", "project_id": project_id})
    assert [item["name"] for item in builder.client.get("/agents").data["items"]] == [mine]
    assert builder.client.post("/agents", {"name": "x", "project_id": other}).codes == {"project_id": ["invalid_reference"]}
    assert builder.client.post("/agents", {"name": "x"}).codes == {"_": ["permission_denied"]}


def test_another_organization_gets_the_same_404_as_for_nothing(world: World, owner: Person) -> None:
    agent = owner.client.post("/agents", {"name": "One"}).data
    stranger = world.organization("Other").client
    nothing = stranger.get("/agents/agent_00000000000000000000000000").body
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("PUT", {"name": "x"}), ("DELETE", None)):
        answer = stranger.ask(method, f"/agents/{agent['id']}", body)
        assert (answer.status, answer.body) == (404, nothing)


def test_a_viewer_may_read_and_nothing_else(world: World, owner: Person) -> None:
    agent = owner.client.post("/agents", {"name": "One"}).data
    viewer = world.member(owner, "viewer").client
    assert viewer.get(f"/agents/{agent['id']}").status == 200
    assert viewer.patch(f"/agents/{agent['id']}", {"name": "x"}).codes == {"_": ["permission_denied"]}
    assert viewer.post("/agents", {"name": "x"}).codes == {"_": ["permission_denied"]}


REASON = "An API key can represent many end users"


def test_a_memory_that_would_mix_end_users_is_refused_however_it_is_written(owner: Person) -> None:
    window = {"mode": "window", "limit": 3}
    agent = owner.client.post("/agents", {"name": "One"}).data
    document = owner.client.get(f"/agents/{agent['id']}/export").data
    document["definition"]["memory"] = window
    for path, answer in (
        ("memory.mode", owner.client.post("/agents", {"name": "Two", "memory": window})),
        ("memory.mode", owner.client.patch(f"/agents/{agent['id']}", {"memory": {"mode": "window"}})),
        ("memory.mode", owner.client.put(f"/agents/{agent['id']}", {"name": "One", "memory": window})),
        ("document.definition.memory.mode", owner.client.post("/agents/import", {"document": document})),
    ):
        assert (answer.status, answer.codes) == (422, {path: ["invalid_choice"]})
        assert REASON in answer.body["errors"][path][0]["message"]


def test_a_parameter_that_the_provider_makes_itself_is_refused_for_agents_of_its_engines(owner: Person) -> None:
    own = {"name": "Mine", "provider": "openai_compatible", "model": "m", "base_url": "https://models.example/v1"}
    engine_id = owner.client.post("/engines", own).data["id"]
    scripted = owner.client.get("/engines?provider=scripted").data["items"][0]["id"]
    forced = {"tool_choice": "auto"}
    kept = owner.client.post("/agents", {"name": "Scripted", "engine_id": scripted, "parameters": forced}).data
    for answer in (
        owner.client.post("/agents", {"name": "One", "engine_id": engine_id, "parameters": forced}),
        owner.client.patch(f"/agents/{kept['id']}", {"engine_id": engine_id}),
    ):
        assert answer.codes == {"parameters": ["invalid_format"]}
        assert "tool_choice cannot be set" in answer.body["errors"]["parameters"][0]["message"]
    assert owner.client.patch(f"/agents/{kept['id']}", {"name": "Renamed"}).status == 200
