"""Learning from what was rejected: an approval becomes an example of a rubric."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.models import Execution

Ask = Callable[..., str]


@pytest.fixture
def rubric(owner: Person) -> dict[str, Any]:
    """A rubric of the scripted engine."""
    engine = owner.client.get("/engines?provider=scripted").data["items"][0]["id"]
    criterion = {"key": "short", "weight": 1, "grader": "length", "parameters": {"max": 10}}
    return dict(owner.client.post(f"/engines/{engine}/rubrics", {"name": "Quality", "criteria": [criterion]}).data)


@pytest.fixture
def rejected(owner: Person, approver: Person, scripted: Callable[..., dict[str, Any]], ask: Ask) -> str:
    """An approval of a run, which was rejected."""
    agent = scripted("Hello")
    run = owner.client.post(f"/agents/{agent['id']}/execute", {"input": {"order": 7}}).data["id"]
    approval_id = ask(execution_id=run)
    approver.client.post(f"/hitl-approvals/{approval_id}/reject", {"comment": "No."})
    return approval_id


def test_a_rejected_approval_becomes_an_example(owner: Person, rubric: dict[str, Any], rejected: str) -> None:
    body = {"rubric_id": rubric["id"], "expected": "Refused."}
    answer = owner.client.post(f"/hitl-approvals/{rejected}/example", body)
    example = answer.data
    assert (answer.status, example["input"], example["expected"]) == (201, {"order": 7}, "Refused.")
    assert (example["name"], example["source"]) == ("Refund", {"type": "approval", "id": rejected})
    found = owner.client.get(answer.headers["location"].removeprefix("/api/v1")).data
    assert {name: found[name] for name in ("id", "rubric_id", "input")} == {
        name: example[name] for name in ("id", "rubric_id", "input")
    }


def test_what_a_run_was_given_may_no_longer_be_kept(owner: Person, rubric: dict[str, Any], rejected: str) -> None:
    with organization_scope(owner.organization_id):
        Execution.update(input=None, retained="no_payload").execute()
    refused = owner.client.post(f"/hitl-approvals/{rejected}/example", {"rubric_id": rubric["id"]})
    assert (refused.status, refused.codes) == (409, {"_": ["invalid_state"]})


def test_only_what_was_rejected_in_a_run_becomes_one(owner: Person, approver: Person, rubric: dict[str, Any], ask: Ask) -> None:
    open_, without_run = ask(), ask()
    approver.client.post(f"/hitl-approvals/{without_run}/reject", {"comment": "No."})
    for approval_id in (open_, without_run):
        refused = owner.client.post(f"/hitl-approvals/{approval_id}/example", {"rubric_id": rubric["id"]})
        assert (refused.status, refused.codes) == (409, {"_": ["invalid_state"]})


def test_the_rubric_must_be_there(owner: Person, rubric: dict[str, Any], rejected: str) -> None:
    owner.client.delete(f"/engines/{rubric['engine_id']}/rubrics/{rubric['id']}")
    for rubric_id in (rubric["id"], "rubric_01h455vb4pex5vsknk084sn02q"):
        refused = owner.client.post(f"/hitl-approvals/{rejected}/example", {"rubric_id": rubric_id})
        assert refused.codes == {"rubric_id": ["invalid_reference"]}


def test_it_needs_the_rights_to_both_ends(world: World, owner: Person, rubric: dict[str, Any], rejected: str) -> None:
    needed = ["hitl_approvals:read", "rubrics:create", "executions:read"]
    for missing, status in (("rubrics:create", 403), ("executions:read", 403), ("hitl_approvals:read", 403), (None, 201)):
        person = member_with(world, owner, [permission for permission in needed if permission != missing])
        assert person.client.post(f"/hitl-approvals/{rejected}/example", {"rubric_id": rubric["id"]}).status == status, missing
