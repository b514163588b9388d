"""Who did it: what happens to a run is its initiator's doing, whoever let it go on."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import Actor, acting_as, organization_scope
from aasim_core.events.records import EventRow
from aasim_core.testing.world import Person

from ..tools.test_tool_calls import call

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]
APPROVER = Actor("user", "user_approver", "edsger@acme.example", "10.9.9.9")


@pytest.fixture
def key(owner: Person) -> dict[str, Any]:
    """An API key called CI."""
    scopes = ["agents:execute", "agents:read", "executions:read"]
    return dict(owner.client.post("/api-keys", {"name": "CI", "scopes": scopes}).data)


@pytest.fixture
def program(owner: Person, key: dict[str, Any]) -> Any:
    """A client with that key."""
    return type(owner.client)(owner.client.wsgi, key["key"])


def events_of(owner: Person, execution_id: str) -> list[EventRow]:
    with organization_scope(owner.organization_id):
        return list(EventRow.select().where(EventRow.subject_id == execution_id).order_by(EventRow.at, EventRow.id))


def run_with_approval(app: App, client: Any, agent: dict[str, Any], work: Work, desk: Any) -> str:
    execution_id = client.post(f"/agents/{agent['id']}/execute", {"input": "x"}).data["id"]
    work()
    with acting_as(APPROVER, "request-of-the-approver"):
        desk.decide(approved=True)
    work()
    return str(execution_id)


@pytest.mark.long
def test_no_event_of_a_run_names_whoever_approved_its_call(
    app: App, owner: Person, scripted: Make, work: Work, shed: Any, desk: Any, program: Any, key: dict[str, Any]
) -> None:
    agent = scripted(call("pay", what="rent"), call("pay", what="tax"), "done", tools=[{"ref": shed.add("pay", effect="pay")}])
    execution_id = run_with_approval(app, program, agent, work, desk)
    events = events_of(owner, execution_id)
    assert [event.name for event in events] == [
        "executions.queued", "executions.started", "executions.waiting", "executions.waiting",
    ]  # fmt: skip
    assert {(event.actor_type, event.actor_id, event.actor_label) for event in events} == {("api_key", key["id"], "CI")}
    [request_id] = {event.request_id for event in events}
    assert request_id not in {None, "request-of-the-approver"}
    assert "10.9.9.9" not in {event.actor_ip for event in events}

    with acting_as(APPROVER, "request-of-the-approver"):
        desk.decide(approved=False, comment="No.")
    work()
    last = events_of(owner, execution_id)[-1]
    assert (last.name, last.actor_id, last.actor_ip, last.request_id) == ("executions.succeeded", key["id"], None, request_id)


@pytest.mark.long
def test_a_run_says_who_started_it(owner: Person, scripted: Make, work: Work, program: Any) -> None:
    agent = scripted("done")
    by_key = program.post(f"/agents/{agent['id']}/execute", {"input": "x"}).data
    by_user = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"}).data
    assert (by_key["initiator_id"], by_key["initiator_label"]) == (owner.user_id, "CI")
    assert by_user["initiator_id"] == owner.user_id
    assert by_user["initiator_label"] == owner.client.get("/auth/me").data["user"]["email"]


def test_a_run_that_another_one_starts_has_the_same_initiator(
    owner: Person, scripted: Make, work: Work, program: Any, key: Any
) -> None:
    helper = scripted("I did.", name="Helper")
    boss = scripted(call(helper["slug"], input="Do it."), "done", name="Boss", tools=[{"ref": f"agent:{helper['id']}"}])
    execution_id = program.post(f"/agents/{boss['id']}/execute", {"input": "x"}).data["id"]
    work()
    [child] = owner.client.get(f"/executions?parent_id={execution_id}").data["items"]
    assert (child["status"], child["initiator_label"]) == ("succeeded", "CI")
    assert {event.actor_id for event in events_of(owner, child["id"])} == {key["id"]}


def test_whoever_cancels_a_run_is_named(owner: Person, scripted: Make, program: Any) -> None:
    execution_id = program.post(f"/agents/{scripted('x')['id']}/execute", {"input": "x"}).data["id"]
    owner.client.post(f"/executions/{execution_id}/cancel")
    last = events_of(owner, execution_id)[-1]
    assert (last.name, last.actor_id) == ("executions.cancelled", owner.user_id)


def test_a_run_that_waits_for_people_names_the_approval_until_they_decide(
    app: App, owner: Person, scripted: Make, work: Work, shed: Any, desk: Any
) -> None:
    agent = scripted(call("pay", what="rent"), "done", tools=[{"ref": shed.add("pay", effect="pay")}])
    execution_id = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"}).data["id"]
    work()
    [question_id] = desk.open
    assert owner.client.get(f"/executions/{execution_id}").data["approval_id"] == question_id
    desk.decide(approved=True)
    assert owner.client.get(f"/executions/{execution_id}").data["approval_id"] is None


@pytest.mark.long
def test_each_event_of_a_run_has_the_revision_that_its_change_made(
    owner: Person, scripted: Make, work: Work, program: Any
) -> None:
    execution_id = program.post(f"/agents/{scripted('done')['id']}/execute", {"input": "x"}).data["id"]
    work()
    events = events_of(owner, execution_id)
    revisions = [event.subject_revision for event in events]
    assert [event.name for event in events] == ["executions.queued", "executions.started", "executions.succeeded"]
    assert revisions[0] == 1
    assert revisions == sorted(set(revisions))
    assert revisions[-1] <= owner.client.get(f"/executions/{execution_id}").data["version"]
