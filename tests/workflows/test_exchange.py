"""Workflows as documents: what an export holds, and what an import makes of it elsewhere."""

from typing import Any

import pytest

from aasim_core.testing.world import Person, World

from .conftest import node

_GREETING = {
    "language": 1,
    "nodes": [node("greet", value="Hello, {{ input }}")],
    "edges": [],
    "output": "{{ nodes.greet.output }}",
}


def created(owner: Person, definition: dict[str, Any], **about: Any) -> Any:
    answer = owner.client.post("/workflows", {"name": "Refunds", "definition": definition, **about})
    assert answer.status == 201, answer.body
    return answer.data


def exported(owner: Person, definition: dict[str, Any], **about: Any) -> dict[str, Any]:
    workflow = created(owner, definition, **about)
    return dict(owner.client.get(f"/workflows/{workflow['id']}/export").data)


def imported(owner: Person, document: dict[str, Any], **about: Any) -> Any:
    return owner.client.post("/workflows/import", {"format": "aasim", "document": document, **about})


def judging(owner: Person, name: str = "Judge") -> tuple[str, dict[str, Any]]:
    """An agent, and a definition that runs it in the body of a loop, and calls it as a tool."""
    agent_id = owner.client.post("/agents", {"name": name}).data["id"]
    judge = node("judge", "agent", agent_id=agent_id)
    nodes = [
        node("each", "foreach", items="input", body={"nodes": [judge]}),
        node("ask", "tool", ref=f"agent:{agent_id}", arguments={"input": "Judge."}),
    ]
    return agent_id, {"language": 1, "nodes": nodes, "edges": []}


def test_an_export_is_the_definition_with_what_people_know_it_by(owner: Person) -> None:
    about = {"description": "Pays back.", "tags": ["shop"]}
    assert exported(owner, _GREETING, **about) == {
        "format": "aasim.workflow/1", "name": "Refunds", **about, "definition": _GREETING, "references": [],
    }  # fmt: skip


def test_an_earlier_version_can_be_exported(owner: Person) -> None:
    workflow = created(owner, _GREETING)
    path = f"/workflows/{workflow['id']}"
    owner.client.patch(path, {"definition": {**_GREETING, "output": "Hello"}})
    assert owner.client.get(f"{path}/export?version=1").data["definition"] == _GREETING
    assert owner.client.get(f"{path}/export?version=3").codes == {"version": ["invalid_reference"]}


def test_an_export_tells_every_id_that_means_nothing_elsewhere(owner: Person) -> None:
    agent_id, definition = judging(owner)
    user = {"type": "user", "id": owner.user_id}
    definition["nodes"] += [node("decide", "approval", title=f"Tell {agent_id}.", assignees=[user])]
    definition["variables"] = {owner.user_id: "no_0123"}
    assert exported(owner, definition)["references"] == [
        {"ref": agent_id, "type": "agent", "paths": ["nodes.ask", "nodes.decide", "nodes.each.body.nodes.judge"]},
        {"ref": owner.user_id, "type": "user", "paths": ["nodes.decide", "variables"]},
    ]  # fmt: skip


def test_what_was_exported_is_imported_by_another_organization_as_a_draft(world: World, owner: Person) -> None:
    document = exported(owner, _GREETING)
    other = world.organization("Other")
    tried = imported(other, document, dry_run=True)
    assert (tried.status, tried.data["workflow"], tried.data["definition"]) == (200, None, _GREETING)
    assert other.client.get("/workflows").data["items"] == []
    made = imported(other, document)
    workflow = made.data["workflow"]
    assert (made.status, workflow["status"], workflow["name"], workflow["definition"]) == (201, "draft", "Refunds", _GREETING)
    assert made.headers["location"].endswith(f"/workflows/{workflow['id']}")
    assert made.data["parts"] == [{"path": "nodes.greet", "node": "greet", "result": "mapped", "reasons": []}]


def test_an_import_says_which_of_its_ids_lead_nowhere_and_takes_others_for_them(world: World, owner: Person) -> None:
    agent_id, definition = judging(owner)
    document, other = exported(owner, definition), world.organization("Other")
    told = imported(other, document, dry_run=True).data
    assert [(part["path"], part["result"]) for part in told["parts"]] == [
        ("nodes.each", "mapped"), ("nodes.ask", "changed"), ("nodes.each.body.nodes.judge", "changed"),
    ]  # fmt: skip
    assert {fault["path"] for fault in told["faults"] if not fault["is_hint"]} == {
        "nodes.ask.config.ref", "nodes.each.body.nodes.judge.config.agent_id",
    }  # fmt: skip
    theirs = other.client.post("/agents", {"name": "Their judge"}).data["id"]
    told = imported(other, document, mapping={agent_id: theirs}).data
    assert [reference["mapped_to"] for reference in told["references"]] == [theirs]
    assert {part["result"] for part in told["parts"]} == {"mapped"}
    assert agent_id not in str(told["workflow"])
    assert other.client.patch(f"/workflows/{told['workflow']['id']}", {"status": "active"}).status == 200


def test_an_import_brings_nothing_that_its_caller_may_not_use(world: World, owner: Person) -> None:
    agent_id = owner.client.post("/agents", {"name": "Secret", "visibility": "private"}).data["id"]
    definition = {"language": 1, "nodes": [node("judge", "agent", agent_id=agent_id)]}
    document = exported(owner, definition)
    builder = world.member(owner, "builder")
    for mapping in ({}, {agent_id: agent_id}):
        told = imported(builder, document, mapping=mapping).data
        assert [fault["path"] for fault in told["faults"]] == ["nodes.judge.config.agent_id"]
        refused = builder.client.patch(f"/workflows/{told['workflow']['id']}", {"status": "active"})
        assert refused.codes == {"definition.nodes.judge.config.agent_id": ["invalid_format"]}


def test_an_import_takes_a_free_name_unless_it_is_told_one(owner: Person) -> None:
    document = exported(owner, _GREETING)
    names = [imported(owner, document).data["workflow"]["name"] for _ in range(2)]
    assert names == ["Refunds (copy)", "Refunds (copy 2)"]
    assert imported(owner, document, name="Greetings").data["workflow"]["name"] == "Greetings"
    assert imported(owner, document, name="Refunds").codes == {"name": ["not_unique"]}


def test_a_builder_of_a_project_imports_into_it_only(world: World, owner: Person) -> None:
    mine, other = world.node(owner, "project"), world.node(owner, "project")
    document = exported(owner, _GREETING)
    builder = world.member(owner, "builder", mine)
    assert imported(builder, document, project_id=mine).data["workflow"]["project_id"] == mine
    assert imported(builder, document, project_id=other).codes == {"project_id": ["invalid_reference"]}
    for dry_run in (False, True):
        assert imported(builder, document, dry_run=dry_run).codes == {"_": ["permission_denied"]}


_AGENT = "agent_01h455vb4pex5vsknk084sn02q"


@pytest.mark.parametrize(
    ("document", "about", "codes"),
    [
        ({"format": "aasim.workflow/2"}, {}, {"document.format": ["invalid_choice"]}),
        ({"definition": []}, {}, {"document.definition": ["invalid_type"]}),
        ({"colour": "red"}, {}, {"document.colour": ["unknown_field"]}),
        ({"name": "x" * 121}, {}, {"document.name": ["too_long"]}),
        ({}, {"format": "aasin"}, {"format": ["invalid_choice"]}),
        ({}, {"mapping": {_AGENT: _AGENT}}, {"mapping": ["invalid_reference"]}),
        ({}, {"mapping": {_AGENT: 7}}, {"mapping": ["invalid_type"]}),
        ({"definition": {"language": 1, "nodes": [_AGENT]}}, {"mapping": {_AGENT: "agent_1"}}, {"document": ["invalid_format"]}),
    ],
    ids=["another version", "no definition", "an unknown field", "a long name", "no format", "a strange id", "no text", "another kind"],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(owner: Person, document: Any, about: Any, codes: dict[str, list[str]]) -> None:
    written = {"format": "aasim.workflow/1", "name": "Refunds", "definition": _GREETING, **document}
    answer = imported(owner, written, **about)
    assert (answer.status, answer.codes) == (422, codes)


def test_a_draft_with_faults_is_exported_and_imported_with_them(owner: Person) -> None:
    document = exported(owner, {"nodes": [7, {"type": _AGENT}], "edges": {}})
    assert document["references"] == [{"ref": _AGENT, "type": "agent", "paths": ["nodes[1]"]}]
    told = imported(owner, document).data
    assert told["workflow"]["faults"] == told["faults"] != []
