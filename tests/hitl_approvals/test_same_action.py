"""What was approved is what is done: a tool that changed since is another action, and people are asked anew."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import peewee
import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.hookspecs import ToolChanged, ToolUse
from aasim_plugins.executions.models import ToolCall
from aasim_plugins.hitl_approvals.decisions.actions import hash_of
from aasim_plugins.hitl_approvals.models import Approval

from ..executions.passing_time import make_due

pytestmark = pytest.mark.long

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]
NAIL = {"tool_calls": [{"name": "hammer", "arguments": {"what": "nail"}}]}


def start(requester: Person, agent: dict[str, Any], work: Work) -> str:
    """The id of a run of the agent, which waits for an approval."""
    execution_id: str = requester.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data["id"]
    work()
    return execution_id


def approval_of(person: Person, execution_id: str) -> dict[str, Any]:
    """What the run waits for."""
    approval_id = person.client.get(f"/executions/{execution_id}").data["approval_id"]
    return dict(person.client.get(f"/hitl-approvals/{approval_id}").data)


def approve(person: Person, approval: dict[str, Any]) -> None:
    answer = person.client.post(f"/hitl-approvals/{approval['id']}/approve", {"action_hash": approval["action_hash"]})
    assert answer.status == 200, answer


@pytest.fixture
def waiting(requester: Person, scripted: Make, work: Work, shed: Any) -> str:
    """A run whose agent wants to hammer."""
    return start(requester, scripted(NAIL, "done", tools=[{"ref": shed.add("hammer", effect="pay")}]), work)


@pytest.mark.parametrize(
    "change", [{"contract": "2"}, {"effect": "delete"}, {"description": "Use it twice."}, {"idempotent": True}], ids=str
)
def test_a_call_whose_tool_changed_after_the_approval_is_asked_anew(
    owner: Person, approver: Person, waiting: str, work: Work, shed: Any, change: dict[str, Any]
) -> None:
    first = approval_of(owner, waiting)
    approve(approver, first)
    shed.tools["hammer"] = replace(shed.tools["hammer"], **change)
    work()
    second = approval_of(owner, waiting)
    assert shed.used == []
    assert (second["replaces"], second["payload"]["arguments"]) == (first["id"], {"what": "nail"})
    assert second["action_hash"] != first["action_hash"]
    approve(approver, second)
    work()
    assert [use.arguments for use in shed.used] == [{"what": "nail"}]


def test_log_event_and_summary_say_why_it_is_asked_anew(
    owner: Person, approver: Person, waiting: str, work: Work, shed: Any
) -> None:
    first = approval_of(owner, waiting)
    approve(approver, first)
    shed.tools["hammer"] = replace(shed.tools["hammer"], contract="2")
    work()
    second = approval_of(owner, waiting)
    [line] = [each for each in lines_of(owner, waiting) if each["event"] == "tool_changed"]
    assert ("has changed since" in line["message"], line["data"]["approval_id"]) == (True, first["id"])
    [event] = owner.client.get(f"/activities?subject_id={second['id']}&action=hitl_approvals.requested").data["items"]
    told = owner.client.get(f"/activities/{event['id']}").data["data"]
    assert ("has changed since" in told["reason"], told["replaces"]) == (True, first["id"])
    assert second["summary"].startswith("The tool has changed since this was approved")


def lines_of(person: Person, execution_id: str) -> list[dict[str, Any]]:
    return list(person.client.get(f"/executions/{execution_id}/logs").data["entries"])


def test_a_new_name_of_the_tool_is_no_other_action(owner: Person, approver: Person, waiting: str, work: Work, shed: Any) -> None:
    shed.tools["hammer"] = replace(shed.tools["hammer"], name="mallet")
    approve(approver, approval_of(owner, waiting))
    work()
    assert len(shed.used) == 1


def test_an_edited_action_is_asked_anew_with_its_edits(
    owner: Person, requester: Person, approver: Person, scripted: Make, work: Work, shed: Any
) -> None:
    owner.client.post("/hitl-approvals/policies", {"name": "Tools", "editable": ["/arguments"]})
    execution_id = start(requester, scripted(NAIL, "done", tools=[{"ref": shed.add("hammer")}]), work)
    first = approval_of(owner, execution_id)
    approver.client.post(f"/hitl-approvals/{first['id']}/approve", {"edits": {"/arguments/what": "peg"}})
    shed.tools["hammer"] = replace(shed.tools["hammer"], contract="2")
    work()
    assert approval_of(owner, execution_id)["payload"]["arguments"] == {"what": "peg"}


def test_a_delegates_approval_is_for_the_same_action_only(
    world: World, owner: Person, approver: Person, waiting: str, work: Work, shed: Any
) -> None:
    delegate = world.member(owner, "approver")
    approver.client.post("/hitl-approvals/delegations", {"to_user_id": delegate.user_id, "expires_at": "2099-01-01T00:00:00Z"})
    approve(delegate, approval_of(owner, waiting))
    shed.tools["hammer"] = replace(shed.tools["hammer"], contract="2")
    work()
    assert (shed.used, approval_of(owner, waiting)["status"]) == ([], "pending")


def test_a_tool_that_changes_at_the_moment_of_the_call_is_asked_anew(
    app: App, owner: Person, approver: Person, waiting: str, work: Work, shed: Any
) -> None:
    def changes(use: ToolUse) -> Any:
        if use.contract != "2":
            shed.tools["hammer"] = replace(shed.tools["hammer"], contract="2")
            raise ToolChanged
        return "done"

    shed.does = changes
    approve(approver, approval_of(owner, waiting))
    work()
    make_due(app)
    work()
    assert (approval_of(owner, waiting)["status"], len(shed.used)) == ("pending", 1)
    approve(approver, approval_of(owner, waiting))
    work()
    assert owner.client.get(f"/executions/{waiting}").data["status"] == "succeeded"


def test_an_approval_from_before_the_upgrade_is_asked_anew_and_says_so(
    app: App, owner: Person, approver: Person, waiting: str, work: Work, shed: Any
) -> None:
    first = approval_of(owner, waiting)
    payload = {name: first["payload"][name] for name in ("tool", "arguments")}
    with organization_scope(owner.organization_id), app.database.transaction():
        Approval.update(payload=payload, action_hash=hash_of(payload)).where(Approval.id == first["id"]).execute()
    approver.client.post(f"/hitl-approvals/{first['id']}/approve", {})
    work()
    second = approval_of(owner, waiting)
    assert (shed.used, "before an upgrade" in second["summary"]) == ([], True)
    approve(approver, second)
    work()
    assert len(shed.used) == 1


@pytest.mark.parametrize(("digest", "uses"), [("same", 2), ("other", 1), (None, 1)])
def test_after_a_crash_an_approved_call_is_repeated_only_if_its_tool_is_the_same(
    app: App, owner: Person, approver: Person, requester: Person, scripted: Make, work: Work, shed: Any,
    digest: str | None, uses: int,
) -> None:  # fmt: skip
    ref = shed.add("hammer", effect="pay", idempotent=True)
    execution_id = start(requester, scripted(NAIL, "done", tools=[{"ref": ref}]), work)

    def dies(use: ToolUse) -> Any:
        shed.does = lambda use: "done"
        raise peewee.OperationalError("the database is away here")

    shed.does = dies
    approve(approver, approval_of(owner, execution_id))
    work()
    if digest != "same":
        with organization_scope(owner.organization_id), app.database.transaction():
            ToolCall.update(digest=digest).execute()
    make_due(app)
    work()
    assert len(shed.used) == uses
    assert owner.client.get(f"/executions/{execution_id}").data["status"] == ("succeeded" if uses == 2 else "waiting")


def test_an_agent_that_changed_since_it_was_approved_as_a_tool_is_asked_anew(
    owner: Person, requester: Person, approver: Person, scripted: Make, work: Work
) -> None:
    helper = scripted("Good.", name="Helper", input_schema=None)
    turn = {"tool_calls": [{"name": helper["slug"], "arguments": {"input": "Do it."}}]}
    boss = scripted(turn, "done", name="Boss", tools=[{"ref": f"agent:{helper['id']}", "approval": "always"}])
    execution_id = start(requester, boss, work)
    approve(approver, approval_of(owner, execution_id))
    changed = {**helper["parameters"], "replies": ["Evil."]}
    assert owner.client.patch(f"/agents/{helper['id']}", {"parameters": changed}).status == 200
    work()
    assert owner.client.get(f"/executions?parent_id={execution_id}").data["items"] == []
    assert approval_of(owner, execution_id)["status"] == "pending"
