"""Runs that wait for people: what is put to them, what is done afterwards, and that nothing brings a cancelled run back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from time_machine import travel

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.jobs.queue import enqueue
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.models import Execution
from aasim_plugins.hitl_approvals.models import Approval

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]
NAIL = {"tool_calls": [{"name": "hammer", "arguments": {"what": "nail"}}]}


@pytest.fixture
def waiting(owner: Person, requester: Person, scripted: Make, work: Work, shed: Any) -> tuple[str, str]:
    """A run whose agent wants to hammer, and the approval that it waits for."""
    agent = scripted(NAIL, "done", tools=[{"ref": shed.add("hammer", effect="pay")}])
    return _begun(requester, owner, agent, work)


def _begun(requester: Person, owner: Person, agent: dict[str, Any], work: Work) -> tuple[str, str]:
    execution_id = requester.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data["id"]
    work()
    assert _read(owner, execution_id)["status"] == "waiting"
    [approval] = owner.client.get(f"/hitl-approvals?execution_id={execution_id}").data["items"]
    return execution_id, approval["id"]


def _read(person: Person, execution_id: str) -> dict[str, Any]:
    return dict(person.client.get(f"/executions/{execution_id}").data)


def _told(person: Person, execution_id: str) -> list[Any]:
    return [call["result"] for call in person.client.get(f"/executions/{execution_id}/tool-calls").data["items"]]


def test_a_grave_call_is_put_to_people_and_made_when_they_approve(
    owner: Person, requester: Person, approver: Person, waiting: tuple[str, str], work: Work, shed: Any
) -> None:
    execution_id, approval_id = waiting
    approval = approver.client.get(f"/hitl-approvals/{approval_id}").data
    assert approval["subject"] == {"execution_id": execution_id, "step": 2, "path": "tool", "tool": "shed:hammer"}
    assert (approval["kind"], approval["risk"], approval["initiator_id"]) == ("tool_call", "high", requester.user_id)
    assert {**approval["payload"], "tool_digest": ""} == {"tool": "shed:hammer", "tool_digest": "", "arguments": {"what": "nail"}}
    assert shed.used == []
    approver.client.post(f"/hitl-approvals/{approval_id}/approve", {"action_hash": approval["action_hash"]})
    work()
    assert (_read(owner, execution_id)["output"], [use.arguments for use in shed.used]) == ("done", [{"what": "nail"}])


@pytest.mark.long
def test_who_made_a_key_does_not_approve_what_was_begun_with_it(
    owner: Person, approver: Person, scripted: Make, work: Work, shed: Any
) -> None:
    bot = owner.client.post("/users", {"name": "Bot", "kind": "service", "role": "operator"}).data["id"]
    key = owner.client.post("/api-keys", {"name": "Key", "user_id": bot, "scopes": ["agents:read", "agents:execute"]}).data["key"]
    agent = scripted(NAIL, "done", tools=[{"ref": shed.add("hammer", effect="pay")}])
    program = replace(owner, client=replace(owner.client, token=key))
    _, approval_id = _begun(program, owner, agent, work)
    refused = owner.client.post(f"/hitl-approvals/{approval_id}/approve", {})
    assert (refused.codes, "yourself" in refused.body["message"]) == ({"_": ["permission_denied"]}, True)
    assert owner.client.get("/hitl-approvals/pending").data["items"] == []
    assert approver.client.post(f"/hitl-approvals/{approval_id}/approve", {}).status == 200


@pytest.mark.long
def test_what_is_done_is_what_was_approved_with_the_edits(
    owner: Person, requester: Person, approver: Person, scripted: Make, work: Work, shed: Any
) -> None:
    owner.client.post("/hitl-approvals/policies", {"name": "Tools", "editable": ["/arguments"]})
    agent = scripted(NAIL, "done", tools=[{"ref": shed.add("hammer", effect="write")}])
    execution_id, approval_id = _begun(requester, owner, agent, work)
    approver.client.post(f"/hitl-approvals/{approval_id}/approve", {"edits": {"/arguments/what": "peg"}})
    work()
    assert (_read(owner, execution_id)["status"], [use.arguments for use in shed.used]) == ("succeeded", [{"what": "peg"}])


@pytest.mark.long
def test_edited_arguments_fit_the_tool_or_are_refused_by_their_pointer(
    owner: Person, requester: Person, approver: Person, scripted: Make, work: Work, shed: Any
) -> None:
    owner.client.post("/hitl-approvals/policies", {"name": "Tools", "editable": ["/output", "/arguments"]})
    agent = scripted(NAIL, "done", tools=[{"ref": shed.add("hammer", effect="write")}])
    _, approval_id = _begun(requester, owner, agent, work)
    path = f"/hitl-approvals/{approval_id}"
    assert approver.client.get(path).data["editable"] == ["/arguments"]
    for pointer, value in (("/arguments", 5), ("/arguments/what", 5)):
        refused = approver.client.post(f"{path}/approve", {"edits": {pointer: value}})
        assert (refused.status, refused.codes) == (422, {f"edits.{pointer}": ["invalid_format"]})
    assert approver.client.get(path).data["status"] == "pending"


@pytest.mark.long
def test_approvals_go_with_the_runs_that_they_are_of(
    app: App, owner: Person, approver: Person, requester: Person, scripted: Make, work: Work, shed: Any
) -> None:
    owner.client.post("/hitl-approvals/policies", {"name": "Tools", "editable": ["/arguments"]})
    agent = scripted(NAIL, "done", tools=[{"ref": shed.add("hammer", effect="write")}])
    execution_id, approval_id = _begun(requester, owner, agent, work)
    path = f"/hitl-approvals/{approval_id}"
    approver.client.post(f"{path}/approve", {"edits": {"/arguments/what": "dowel"}, "comment": "As agreed."})
    work()
    keeper = app.offers("keepers")["approvals"]
    with organization_scope(owner.organization_id), app.database.transaction():
        keeper.empty([execution_id])
    kept = owner.client.get(path)
    assert "dowel" not in str(kept.body)
    assert (kept.data["payload"], kept.data["decision"]["user_id"]) == (None, approver.user_id)
    with organization_scope(owner.organization_id), app.database.transaction():
        keeper.forget([execution_id])
    assert owner.client.get(path).status == 404


@pytest.mark.long
def test_what_is_rejected_is_not_done_and_the_model_is_told_why(
    owner: Person, approver: Person, waiting: tuple[str, str], work: Work, shed: Any
) -> None:
    execution_id, approval_id = waiting
    approver.client.post(f"/hitl-approvals/{approval_id}/reject", {"comment": "Use glue."})
    work()
    assert (_read(owner, execution_id)["status"], shed.used) == ("succeeded", [])
    assert _told(owner, execution_id) == [{"error": "A person denied this: Use glue."}]


@pytest.mark.long
def test_where_approvals_are_off_for_the_organization_nobody_is_asked_and_a_grave_call_is_not_made(
    app: App, owner: Person, requester: Person, scripted: Make, work: Work, shed: Any
) -> None:
    agent = scripted(NAIL, "done", tools=[{"ref": shed.add("hammer", effect="pay")}])
    switch = f"/plugins/hitl_approvals/organizations/{owner.organization_id}"
    assert owner.client.put(switch, {"status": "disabled"}).status == 200
    app.organization_states.forget(owner.organization_id)
    execution_id = requester.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data["id"]
    work()
    assert (_read(owner, execution_id)["status"], shed.used) == ("succeeded", [])
    assert _told(owner, execution_id) == [{"error": "hammer needs an approval, and approvals are off here."}]


@pytest.mark.long
def test_what_nobody_decides_is_not_done(owner: Person, requester: Person, scripted: Make, work: Work, shed: Any) -> None:
    policy = {"name": "Owners", "assignees": [{"type": "owner"}], "due_seconds": 60}
    owner.client.post("/hitl-approvals/policies", policy)
    agent = scripted(NAIL, "done", tools=[{"ref": shed.add("hammer")}])
    execution_id, approval_id = _begun(requester, owner, agent, work)
    due_at = owner.client.get(f"/hitl-approvals/{approval_id}").data["due_at"]
    with travel(due_at, tick=False):
        work()
    assert owner.client.get(f"/hitl-approvals/{approval_id}").data["status"] == "expired"
    assert (_read(owner, execution_id)["status"], shed.used) == ("succeeded", [])
    assert _told(owner, execution_id) == [{"error": "Nobody decided in time."}]


@pytest.mark.long
def test_a_policy_puts_to_people_what_nothing_else_would(
    owner: Person, requester: Person, scripted: Make, work: Work, shed: Any
) -> None:
    owner.client.post("/hitl-approvals/policies", {"name": "Nails", "tool": "shed:*", "condition": "arguments.what == 'nail'"})
    agent = scripted(NAIL, "done", tools=[{"ref": shed.add("hammer", effect="read")}])
    other = scripted(
        {"tool_calls": [{"name": "hammer", "arguments": {"what": "peg"}}]}, "done", name="Other", tools=agent["tools"]
    )
    _begun(requester, owner, agent, work)
    free = requester.client.post(f"/agents/{other['id']}/execute", {"input": "hello"}).data["id"]
    work()
    assert _read(owner, free)["status"] == "succeeded"


@pytest.mark.long
def test_several_have_to_approve_before_it_is_done(
    owner: Person, requester: Person, approver: Person, scripted: Make, work: Work, shed: Any
) -> None:
    owner.client.post("/hitl-approvals/policies", {"name": "Two", "quorum": 2})
    agent = scripted(NAIL, "done", tools=[{"ref": shed.add("hammer")}])
    execution_id, approval_id = _begun(requester, owner, agent, work)
    for person, status, uses in ((approver, "waiting", 0), (owner, "succeeded", 1)):
        person.client.post(f"/hitl-approvals/{approval_id}/approve", {})
        work()
        assert (_read(owner, execution_id)["status"], len(shed.used)) == (status, uses)


@pytest.mark.long
def test_a_cancelled_run_closes_its_approvals_and_a_late_one_does_not_bring_it_back(
    owner: Person, approver: Person, waiting: tuple[str, str], work: Work, shed: Any
) -> None:
    execution_id, approval_id = waiting
    assert owner.client.post(f"/executions/{execution_id}/cancel").status == 200
    closed = approver.client.get(f"/hitl-approvals/{approval_id}").data
    assert (closed["status"], closed["decision"]["comment"]) == ("cancelled", "The execution was cancelled.")
    late = approver.client.post(f"/hitl-approvals/{approval_id}/approve", {})
    assert (late.status, late.codes) == (409, {"_": ["already_decided"]})
    work()
    assert (_read(owner, execution_id)["status"], shed.used) == ("cancelled", [])


@pytest.mark.long
def test_an_approval_whose_run_ended_unseen_is_decided_no_more_and_closed(
    app: App, owner: Person, approver: Person, waiting: tuple[str, str], work: Work
) -> None:
    execution_id, approval_id = waiting
    with organization_scope(owner.organization_id), app.database.transaction():
        Execution.update(status="cancelled").where(Execution.id == execution_id).execute()
    late = approver.client.post(f"/hitl-approvals/{approval_id}/approve", {})
    assert (late.status, late.codes) == (409, {"_": ["already_decided"]})
    with system_scope("test"), app.database.transaction():
        enqueue("hitl_approvals.tidy", {"due": "2026-01-31T09:40:00.000Z"})
    work()
    assert approver.client.get(f"/hitl-approvals/{approval_id}").data["status"] == "cancelled"


@pytest.mark.long
@pytest.mark.usefixtures("waiting")
def test_organizations_without_open_approvals_are_not_looked_at(app: App, world: World, owner: Person, work: Work) -> None:
    other = world.organization("Other")
    work()
    with system_scope("test"), app.database.transaction():
        enqueue("hitl_approvals.tidy", {"due": "2026-01-31T09:40:00.000Z"})
    with recorded(app.database) as sent:
        work()
    assert any(owner.organization_id in statement.parameters for statement in sent)
    assert not any(other.organization_id in statement.parameters for statement in sent)


@pytest.mark.long
def test_an_action_that_was_changed_behind_the_approval_is_not_done(
    app: App, owner: Person, approver: Person, waiting: tuple[str, str], work: Work, shed: Any
) -> None:
    execution_id, approval_id = waiting
    approver.client.post(f"/hitl-approvals/{approval_id}/approve", {})
    with organization_scope(owner.organization_id), app.database.transaction():
        forged = {"tool": "shed:hammer", "arguments": {"what": "window"}}
        Approval.update(payload=forged).where(Approval.id == approval_id).execute()
    work()
    assert shed.used == []
    assert _told(owner, execution_id) == [{"error": "A person denied this: The action is not the one that was approved."}]


@pytest.mark.long
@pytest.mark.parametrize("round_", range(3))
def test_of_a_cancel_and_an_approval_at_once_one_comes_first_and_nothing_is_done_after_a_cancel(
    owner: Person, approver: Person, waiting: tuple[str, str], work: Work, shed: Any, round_: int
) -> None:
    execution_id, approval_id = waiting
    start = Barrier(8)

    def act(number: int) -> int:
        start.wait()
        if number % 2:
            return owner.client.post(f"/executions/{execution_id}/cancel").status
        return approver.client.post(f"/hitl-approvals/{approval_id}/approve", {}).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(act, range(8)))
    assert set(statuses) <= {200, 409}
    approval = approver.client.get(f"/hitl-approvals/{approval_id}").data
    assert approval["status"] in ("approved", "cancelled")
    work()
    assert (_read(owner, execution_id)["status"], shed.used) == ("cancelled", [])


@pytest.mark.long
def test_a_result_that_its_rubric_does_not_pass_counts_only_as_people_approve_it(
    owner: Person, requester: Person, approver: Person, scripted: Make, work: Work
) -> None:
    agent = scripted("Far too long.")
    criterion = {"key": "short", "weight": 1, "grader": "length", "parameters": {"max": 3}}
    rubric = {"name": "Short", "criteria": [criterion], "on_fail": "approval"}
    assert owner.client.post(f"/engines/{agent['engine_id']}/rubrics", rubric).status == 201
    owner.client.post("/hitl-approvals/policies", {"name": "Results", "verdicts": ["fail"], "editable": ["/output"]})
    execution_id, approval_id = _begun(requester, owner, agent, work)
    approval = owner.client.get(f"/hitl-approvals/{approval_id}").data
    assert (approval["kind"], approval["payload"], approval["subject"]["tool"]) == ("result", {"output": "Far too long."}, None)
    assert approval["policy_id"] is not None
    approver.client.post(f"/hitl-approvals/{approval_id}/approve", {"edits": {"/output": "Ok."}})
    work()
    finished = _read(owner, execution_id)
    assert (finished["status"], finished["output"]) == ("succeeded", "Ok.")
