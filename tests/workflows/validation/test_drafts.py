"""Drafts may hold faults, which are kept with them; what is active has none."""

from typing import Any

from aasim_core.testing.world import Person, World

from ..conftest import node

_FAULTY = {"language": 1, "nodes": [node("a", "trasform"), node("b", value="{{ nodes.c.output }}"), node("d", "join")]}
_GOOD = {"language": 1, "nodes": [node("a"), node("d", "join")]}
_PLACES = ["nodes.a.type", "nodes.b.config.value"]


def create(owner: Person, definition: Any, status: str = "draft", name: str = "Refunds") -> Any:
    return owner.client.post("/workflows", {"name": name, "status": status, "definition": definition})


def faults_of(workflow: Any) -> list[str]:
    return [fault["path"] for fault in workflow["faults"] if not fault["is_hint"]]


def test_a_draft_is_kept_with_its_faults(owner: Person) -> None:
    answer = create(owner, _FAULTY)
    assert (answer.status, faults_of(answer.data)) == (201, _PLACES)
    assert faults_of(owner.client.get(f"/workflows/{answer.data['id']}").data) == _PLACES


def test_what_has_faults_cannot_be_made_active(owner: Person) -> None:
    answer = create(owner, _FAULTY, "active")
    assert (answer.status, sorted(answer.body["errors"])) == (422, [f"definition.{place}" for place in _PLACES])
    [problem] = answer.body["errors"]["definition.nodes.b.config.value"]
    assert (problem["code"], problem["meta"], problem["message"]) == (
        "invalid_format", {"fault": "unknown_node"}, "There is no node c.",
    )  # fmt: skip


def test_a_draft_becomes_active_when_its_faults_are_mended(owner: Person) -> None:
    path = f"/workflows/{create(owner, _FAULTY).data['id']}"
    assert owner.client.patch(path, {"status": "active"}).status == 422
    assert owner.client.get(path).data["status"] == "draft"
    answer = owner.client.patch(path, {"status": "active", "definition": _GOOD})
    assert (answer.status, answer.data["status"], faults_of(answer.data)) == (200, "active", [])


def test_an_active_workflow_keeps_its_definition_where_the_new_one_has_faults(owner: Person) -> None:
    path = f"/workflows/{create(owner, _GOOD, 'active').data['id']}"
    assert owner.client.patch(path, {"definition": _FAULTY}).status == 422
    assert owner.client.get(path).data["definition"] == _GOOD
    answer = owner.client.patch(path, {"status": "draft", "definition": _FAULTY})
    assert (answer.status, faults_of(answer.data)) == (200, _PLACES)


def test_hints_are_kept_and_keep_nothing_from_being_active(owner: Person) -> None:
    answer = create(owner, _GOOD, "active")
    assert [(each["path"], each["is_hint"]) for each in answer.data["faults"]] == [("nodes.d", True)]


def test_a_workflow_cannot_run_itself(owner: Person) -> None:
    made = create(owner, _GOOD).data
    calling = {"language": 1, "nodes": [node("again", "sub_workflow", workflow_id=made["id"])]}
    changed = owner.client.patch(f"/workflows/{made['id']}", {"definition": calling}).data
    assert [(each["path"], each["code"]) for each in changed["faults"]] == [("nodes.again.config.workflow_id", "calls_itself")]
    assert create(owner, calling, "active", "Another").status == 201


def test_an_agent_must_be_there_in_that_version_and_take_the_input(owner: Person, world: World) -> None:
    schema = {"type": "object", "required": ["order"], "properties": {"order": {"type": "integer"}}}
    agent_id = owner.client.post("/agents", {"name": "Judge", "input_schema": schema}).data["id"]

    def told(by: Person, given: Any, **config: Any) -> list[tuple[str, str]]:
        judge = node("judge", "agent", agent_id=agent_id, _input=given, **config)
        answer = by.client.post("/workflows/validate", {"definition": {"language": 1, "nodes": [judge]}})
        return [(each["path"], each["code"]) for each in answer.data["faults"]]

    assert told(owner, {"order": "{{ input.order }}"}) == []
    assert told(owner, {"order": "x"}) == [("nodes.judge.input.order", "invalid_type")]
    assert told(owner, {}) == [("nodes.judge.input.order", "required")]
    assert told(owner, {"order": 1}, version=9) == [("nodes.judge.config.version", "invalid_reference")]
    assert told(world.organization(), {"order": 1}) == [("nodes.judge.config.agent_id", "invalid_reference")]


def test_a_version_that_was_a_draft_with_faults_is_not_run(owner: Person) -> None:
    path = f"/workflows/{create(owner, _FAULTY).data['id']}"
    owner.client.patch(path, {"status": "active", "definition": _GOOD})
    refused = owner.client.post(f"{path}/execute", {"version": 1})
    assert (refused.status, sorted(refused.body["errors"])) == (422, [f"definition.{place}" for place in _PLACES])
    assert owner.client.post(f"{path}/execute", {"version": 2}).status == 202
    assert owner.client.get(f"{path}/executions").data["items"][0]["workflow_version"] == 2
