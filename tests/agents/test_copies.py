"""Copies of agents: clones, and documents that are exported and imported."""

from typing import Any

import pytest

from aasim_core.testing.world import Person, World


def test_a_clone_is_a_draft_that_remembers_its_origin(owner: Person) -> None:
    agent = owner.client.post("/agents", {"name": "One", "instructions": "do"}).data
    clone = owner.client.post(f"/agents/{agent['id']}/clone").data
    assert (clone["name"], clone["status"], clone["instructions"]) == ("One (copy)", "draft", "do")
    assert clone["forked_from"] == {"agent_id": agent["id"], "version": 1}


def test_a_builder_of_a_project_copies_what_they_read_into_it(world: World, owner: Person) -> None:
    mine, other = world.node(owner, "project"), world.node(owner, "project")
    builder = world.member(owner, "builder", mine).client
    shared = owner.client.post("/agents", {"name": "Shared"}).data["id"]
    hidden = owner.client.post("/agents", {"name": "Hidden", "visibility": "project", "project_id": other}).data["id"]
    clone = builder.post(f"/agents/{shared}/clone", {"project_id": mine})
    assert (clone.status, clone.data["project_id"]) == (201, mine)
    for foreign in (other, "project_00000000000000000000000000"):
        refused = builder.post(f"/agents/{shared}/clone", {"project_id": foreign})
        assert (refused.status, refused.codes) == (422, {"project_id": ["invalid_reference"]})
    assert builder.post(f"/agents/{shared}/clone").codes == {"_": ["permission_denied"]}
    assert builder.post(f"/agents/{hidden}/clone", {"project_id": mine}).codes == {"_": ["not_found"]}


def test_an_export_can_be_imported_by_another_organization(world: World, owner: Person) -> None:
    agent = owner.client.post("/agents", {"name": "One", "instructions": "do"}).data
    document = owner.client.get(f"/agents/{agent['id']}/export").data
    other = world.organization("Other")
    tried = other.client.post("/agents/import", {"document": document, "dry_run": True})
    assert tried.status == 200 and other.client.get("/agents").data["items"] == []
    imported = other.client.post("/agents/import", {"document": document})
    assert (imported.status, imported.data["agent"]["name"], imported.data["agent"]["instructions"]) == (201, "One", "do")


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"definition": "garbage"}, {"document.definition": ["invalid_type"]}),
        ({"definition": {"limits": {"max_steps": 0}}}, {"document.definition.limits.max_steps": ["out_of_range"]}),
        ({"definition": {"instruction": "do"}}, {"document.definition.instruction": ["unknown_field"]}),
        ({"definition": {"parameters": {"stop": 5}}}, {"document.definition.parameters": ["invalid_format"]}),
        (
            {"definition": {"tools": [{"ref": "agent:gone"}, {"ref": "agent:gone", "approval": "1 +"}]}},
            {"document.definition.tools[1].approval": ["invalid_format"]},
        ),
        ({"colour": "red"}, {"document.colour": ["unknown_field"]}),
        ({"format": "aasim.agent/2"}, {"document.format": ["invalid_choice"]}),
    ],
    ids=[
        "no object",
        "a bad limit",
        "an unknown field of it",
        "bad parameters",
        "a bad approval",
        "an unknown field",
        "another format",
    ],
)
def test_what_is_wrong_in_a_document_is_said_with_its_place_there(
    owner: Person, change: dict[str, Any], codes: dict[str, list[str]]
) -> None:
    agent = owner.client.post("/agents", {"name": "One"}).data
    document = {**owner.client.get(f"/agents/{agent['id']}/export").data, **change}
    answer = owner.client.post("/agents/import", {"document": document})
    assert (answer.status, answer.codes) == (422, codes)


def test_an_import_tells_which_tools_are_missing_and_leaves_them_out(world: World, owner: Person) -> None:
    helper = owner.client.post("/agents", {"name": "Helper"}).data["id"]
    agent = owner.client.post("/agents", {"name": "One", "tools": [{"ref": f"agent:{helper}"}]}).data
    document = owner.client.get(f"/agents/{agent['id']}/export").data
    other = world.organization("Other").client
    for dry_run in (True, False):
        imported = other.post("/agents/import", {"document": document, "dry_run": dry_run}).data
        assert imported["needs"] == [f"tool agent:{helper}"]
    assert imported["agent"]["tools"] == []
    here = owner.client.post("/agents/import", {"document": document}).data
    assert (here["needs"], here["agent"]["tools"]) == ([], agent["tools"])


def test_a_builder_of_a_project_imports_agents_into_it(world: World, owner: Person) -> None:
    mine, other = world.node(owner, "project"), world.node(owner, "project")
    agent = owner.client.post("/agents", {"name": "One"}).data
    document = owner.client.get(f"/agents/{agent['id']}/export").data
    builder = world.member(owner, "builder", mine).client
    imported = builder.post("/agents/import", {"document": document, "project_id": mine})
    assert (imported.status, imported.data["agent"]["project_id"]) == (201, mine)
    foreign = builder.post("/agents/import", {"document": document, "project_id": other})
    assert (foreign.status, foreign.codes) == (422, {"project_id": ["invalid_reference"]})
    assert builder.post("/agents/import", {"document": document}).codes == {"_": ["permission_denied"]}
