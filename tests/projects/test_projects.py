"""What projects do: they hang somewhere, are put on hold and archived."""

import pytest

from aasim_core.testing.world import Person, World


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of Acme."""
    return world.organization("Acme")


@pytest.fixture
def project_id(owner: Person) -> str:
    """A project of Acme."""
    return str(owner.client.post("/projects", {"name": "Website", "key": "WEB"}).data["id"])


def _set(owner: Person, project_id: str, status: str) -> dict[str, list[str]] | str:
    answer = owner.client.put(f"/projects/{project_id}/status", {"status": status, "reason": "So it is."})
    return str(answer.data["status"]) if answer.status == 200 else answer.codes


@pytest.mark.parametrize("first", ["active", "on_hold", "archived"])
@pytest.mark.parametrize("then", ["active", "on_hold", "archived"])
def test_a_status_follows_only_where_it_can(owner: Person, project_id: str, first: str, then: str) -> None:
    _set(owner, project_id, first)
    refused = (first, then) == ("archived", "on_hold")
    assert _set(owner, project_id, then) == ({"_": ["invalid_state"]} if refused else then)


def test_an_archived_project_is_only_read(owner: Person, project_id: str) -> None:
    _set(owner, project_id, "archived")
    path = f"/projects/{project_id}"
    assert owner.client.get(path).data["status"] == "archived"
    assert owner.client.patch(path, {"name": "New"}).codes == {"_": ["invalid_state"]}
    assert owner.client.delete(path).codes == {"_": ["invalid_state"]}


def test_what_belongs_to_an_archived_project_is_neither_made_nor_changed_nor_run(owner: Person, project_id: str) -> None:
    agent_id = owner.client.post("/agents", {"name": "One", "project_id": project_id}).data["id"]
    elsewhere = owner.client.post("/agents", {"name": "Two"}).data["id"]
    _set(owner, project_id, "archived")
    refused = {"_": ["invalid_state"]}
    assert owner.client.post("/agents", {"name": "Three", "project_id": project_id}).codes == refused
    assert owner.client.patch(f"/agents/{agent_id}", {"name": "Four"}).codes == refused
    assert owner.client.post(f"/agents/{agent_id}/execute", {"input": "Hello"}).codes == refused
    assert owner.client.patch(f"/agents/{elsewhere}", {"project_id": project_id}).codes == refused
    assert owner.client.get(f"/agents/{agent_id}").status == 200
    _set(owner, project_id, "active")
    assert owner.client.patch(f"/agents/{agent_id}", {"name": "Four"}).status == 200


def test_what_belongs_to_a_project_on_hold_does_not_begin_and_is_changed_as_before(owner: Person, project_id: str) -> None:
    agent_id = owner.client.post("/agents", {"name": "One", "project_id": project_id}).data["id"]
    elsewhere = owner.client.post("/agents", {"name": "Two"}).data["id"]
    begun = owner.client.post(f"/agents/{agent_id}/execute", {"input": "Hello"}).data["id"]
    owner.client.post(f"/executions/{begun}/cancel")
    _set(owner, project_id, "on_hold")
    for refused in (
        owner.client.post(f"/agents/{agent_id}/execute", {"input": "Hello"}),
        owner.client.post(f"/executions/{begun}/retry"),
    ):
        assert refused.codes == {"_": ["invalid_state"]}
        assert refused.body["errors"]["_"][0]["meta"] == {"project": project_id, "status": "on_hold"}
    assert owner.client.patch(f"/agents/{agent_id}", {"name": "Four"}).status == 200
    assert owner.client.post(f"/agents/{elsewhere}/execute", {"input": "Hello"}).status == 202
    _set(owner, project_id, "active")
    assert owner.client.post(f"/agents/{agent_id}/execute", {"input": "Hello"}).status == 202


def test_a_project_that_has_something_is_not_deleted(owner: Person, project_id: str) -> None:
    agent_id = owner.client.post("/agents", {"name": "One", "project_id": project_id}).data["id"]
    refused = owner.client.delete(f"/projects/{project_id}")
    assert refused.codes == {"_": ["in_use"]}
    assert refused.body["errors"]["_"][0]["meta"]["used_by"] == [
        {"type": "agent", "id": agent_id, "label": "One", "field": "project_id"}
    ]
    owner.client.delete(f"/agents/{agent_id}")
    assert owner.client.delete(f"/projects/{project_id}").status == 200


def test_a_status_is_not_written_by_the_way(owner: Person, project_id: str) -> None:
    assert owner.client.patch(f"/projects/{project_id}", {"status": "archived"}).codes == {"status": ["unknown_field"]}
