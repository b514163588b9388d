"""Cancelling runs: what is answered, what is told of it, and what becomes of what they had begun."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.records import create
from aasim_core.events.records import EventRow
from aasim_core.testing.world import Person
from aasim_plugins.executions import states
from aasim_plugins.executions.hookspecs import ToolUse
from aasim_plugins.executions.models import ToolCall

from ..reaching import bring, let_grace_pass
from ..tools.test_tool_calls import call, calls_of

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]


def log_of(owner: Person, path: str) -> list[tuple[str, str]]:
    """The events and messages of the run's log."""
    return [(line["event"], line["message"]) for line in owner.client.get(f"{path}/logs").data["entries"]]


def start(app: App, person: Person, agent: dict[str, Any], *, status: str = states.QUEUED) -> str:
    """A run of the agent in that state; returns its path."""
    execution = person.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data
    with organization_scope(person.organization_id), app.database.transaction():
        bring(execution["id"], status)
    return f"/executions/{execution['id']}"


def test_cancelling_what_is_about_to_end_changes_nothing(app: App, owner: Person, scripted: Make) -> None:
    path = start(app, owner, scripted("x"), status=states.RUNNING)
    first, second = owner.client.post(f"{path}/cancel"), owner.client.post(f"{path}/cancel")
    assert (first.status, first.data["status"]) == (202, "cancelling")
    assert (second.status, second.data) == (200, first.data)


@pytest.mark.parametrize("status", [states.QUEUED, states.RUNNING, states.WAITING])
def test_the_log_of_a_cancelled_run_ends_with_that(app: App, owner: Person, scripted: Make, status: str) -> None:
    path = start(app, owner, scripted("x"), status=status)
    owner.client.post(f"{path}/cancel")
    with organization_scope(owner.organization_id):
        let_grace_pass(path.rpartition("/")[2])
    assert log_of(owner, path) == [("cancelled", "The run was cancelled.")]


def test_why_a_run_was_cancelled_is_told_wherever_it_is_told_of(app: App, owner: Person, scripted: Make) -> None:
    path = start(app, owner, scripted("x"), status=states.RUNNING)
    owner.client.post(f"{path}/cancel", {"reason": "No longer needed."})
    with organization_scope(owner.organization_id):
        let_grace_pass(path.rpartition("/")[2])
    assert owner.client.get(path).data["cancel_reason"] == "No longer needed."
    assert log_of(owner, path) == [("cancelled", "The run was cancelled: No longer needed.")]
    with organization_scope(owner.organization_id):
        told = {event.name: event.data.get("cancel_reason") for event in EventRow.select() if path.endswith(event.subject_id)}
    assert (told["executions.cancelling"], told["executions.cancelled"]) == ("No longer needed.", "No longer needed.")


@pytest.mark.parametrize(
    ("before", "after"),
    [("proposed", "denied"), ("waiting", "denied"), ("running", "unknown"), ("done", "done"), ("unknown", "unknown")],
)
def test_no_call_of_a_run_that_has_ended_seems_to_go_on(app: App, owner: Person, scripted: Make, before: str, after: str) -> None:
    path = start(app, owner, scripted("x"), status=states.WAITING)
    call = {"execution_id": path.rpartition("/")[2], "turn": 1, "position": 0, "call_id": "1", "name": "hammer"}
    with organization_scope(owner.organization_id), app.database.transaction():
        create(ToolCall, **call, status=before, result={"result": "kept"})
    owner.client.post(f"{path}/cancel")
    [closed] = owner.client.get(f"{path}/tool-calls").data["items"]
    assert closed["status"] == after
    assert ("The run ended" in closed["result"].get("error", "")) is (before != after)


def test_a_call_that_is_about_to_be_made_is_not_made_after_a_cancel(owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    started: dict[str, str] = {}

    def cancel(*_: Any) -> bool:
        if started:
            assert owner.client.post(f"/executions/{started['id']}/cancel").status in (200, 202)
        return True

    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", allowed=cancel)}])
    started.update(owner.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data)
    work()
    assert shed.used == []
    assert owner.client.get(f"/executions/{started['id']}").data["status"] == "cancelled"
    assert calls_of(owner, started)[0]["status"] == "denied"


@pytest.mark.long
def test_what_a_run_has_logged_is_kept_where_it_is_cancelled_as_it_begins_to_wait(
    owner: Person, scripted: Make, work: Work, shed: Any
) -> None:
    started: dict[str, str] = {}

    def cancel(*_: Any) -> bool:
        if started:
            assert owner.client.post(f"/executions/{started['id']}/cancel").status in (200, 202)
        return True

    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay", allowed=cancel)}])
    started.update(owner.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data)
    work()
    path = f"/executions/{started['id']}"
    assert owner.client.get(path).data["status"] == "cancelled"
    assert [event for event, _ in log_of(owner, path)][-2:] == ["approval_requested", "cancelled"]


@pytest.mark.long
def test_a_run_that_was_cancelled_starts_no_other(app: App, owner: Person, scripted: Make, work: Work) -> None:
    agents = app.offers("tools")["agent"]

    def cancel_first(use: ToolUse) -> Any:
        assert owner.client.post(f"/executions/{use.execution_id}/cancel").status == 202
        return agents.call(use)

    app.offers.keep("tools", {**app.offers("tools"), "agent": replace(agents, call=cancel_first)})
    helper = scripted("I did.", name="Helper")
    boss = scripted(call(helper["slug"], input="Do it."), "done", name="Boss", tools=[{"ref": f"agent:{helper['id']}"}])
    execution = owner.client.post(f"/agents/{boss['id']}/execute", {"input": "hello"}).data
    work()
    assert owner.client.get(f"/executions/{execution['id']}").data["status"] == "cancelled"
    assert owner.client.get(f"/executions?parent_id={execution['id']}").data["items"] == []
