"""Nodes that put something to people: who is asked what, and which way the run goes by what they decide."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.jobs.leases import Leases
from aasim_core.jobs.worker_liveness import Presence
from aasim_core.testing.world import Person, World
from aasim_core.worker.maintenance import Maintenance
from aasim_core.worker.runner import work_off
from aasim_plugins.hitl_approvals.models import ASSIGNEE_TYPES, LADDER
from aasim_plugins.workflows.nodes import approval

from ..conftest import let_time_pass, node, outcomes, read, tool

Run = Callable[..., dict[str, Any]]
Work = Callable[[], int]
WAYS = ("ask>yes:approved", "ask>no:rejected", "ask>late:expired")


@pytest.fixture
def approver(world: World, owner: Person) -> Person:
    """Somebody who may decide, and has not started the run."""
    return world.member(owner, "approver")


def ask(**config: Any) -> list[dict[str, Any]]:
    """A node that asks, and what follows for each decision."""
    config = {"title": "Refund {{ input.amount }}?", "payload": "{{ input }}", **config}
    told = {"decision": "{{ nodes.ask.output.decision }}", "payload": "{{ nodes.ask.output.payload }}"}
    return [node("ask", "approval", **config), *(node(way, value=told) for way in ("yes", "no", "late"))]


def pending(person: Person) -> list[dict[str, Any]]:
    """The approvals that wait for the person."""
    return list(person.client.get("/hitl-approvals/pending").data["items"])


def decide(person: Person, verdict: str, **body: Any) -> dict[str, Any]:
    """Decide the one approval that waits; returns it."""
    [waiting] = pending(person)
    answer = person.client.post(f"/hitl-approvals/{waiting['id']}/{verdict}", body)
    assert answer.status == 200, answer.body
    return dict(answer.data)


def ended(owner: Person, told: dict[str, Any], work: Work) -> dict[str, Any]:
    """The run after what there was to do."""
    work()
    return read(owner, told["execution"]["id"])


def way_of(told: dict[str, Any]) -> list[str]:
    """The nodes that were done."""
    assert told["execution"]["status"] == "succeeded", told["execution"]
    return [path for path, outcome in outcomes(told).items() if outcome == "done"]


@pytest.mark.long
def test_an_approved_payload_goes_on_as_it_was_edited(run: Run, owner: Person, approver: Person, work: Work) -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "integer", "maximum": 100}}}
    config = {"summary": "Order {{ input.order }}", "risk": "high", "editable": ["/payload/amount"], "schema": schema}
    told = run(ask(**config), *WAYS, given={"amount": 50, "order": "o7"})
    [waiting] = pending(approver)
    assert (told["execution"]["status"], waiting["kind"], waiting["status"]) == ("waiting", "request", "pending")
    assert (waiting["title"], waiting["summary"], waiting["risk"]) == ("Refund 50?", "Order o7", "high")
    assert (waiting["subject"]["path"], waiting["subject"]["tool"]) == (told["nodes"][0]["path"], None)
    assert (waiting["payload"]["payload"], waiting["editable"]) == ({"amount": 50, "order": "o7"}, ["/payload/amount"])
    decided = decide(approver, "approve", comment="Forty.", edits={"/payload/amount": 40}, action_hash=waiting["action_hash"])
    assert decided["proposed_payload"] == {"amount": 50, "order": "o7"}
    told = ended(owner, told, work)
    assert way_of(told) == ["yes"]
    assert told["nodes"][0]["output"] == {
        "decision": "approved", "comment": "Forty.", "user_id": approver.user_id, "payload": {"amount": 40, "order": "o7"},
    }  # fmt: skip


def test_a_rejected_request_takes_the_other_way(run: Run, owner: Person, approver: Person, work: Work) -> None:
    told = run(ask(), *WAYS, given={"amount": 50})
    decide(approver, "reject", comment="It was refunded already.")
    told = ended(owner, told, work)
    assert way_of(told) == ["no"]
    assert told["nodes"][0]["output"] == {
        "decision": "rejected", "comment": "It was refunded already.", "user_id": approver.user_id, "payload": {"amount": 50},
    }  # fmt: skip


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that the test moves."""
    with time_machine.travel("2026-01-14T09:00:00Z", tick=False) as traveller:
        yield traveller


def test_what_nobody_decides_in_time_expires(
    clock: time_machine.Traveller, app: App, world: World, run: Run, owner: Person, approver: Person
) -> None:
    told = run(ask(assignees=[{"type": "user", "id": approver.user_id}], due_seconds=600), *WAYS, given={"amount": 50})
    maintenance = Maintenance(app, Leases(app.database, "test"), Presence(app.settings.data_dir))
    clock.shift(timedelta(seconds=601))
    maintenance.make_ready()
    work_off(app)
    told = read(world.again(owner), told["execution"]["id"])
    assert way_of(told) == ["late"]
    output = told["nodes"][0]["output"]
    assert (output["decision"], output["user_id"], output["payload"]) == ("expired", None, {"amount": 50})


def test_the_payload_must_meet_its_schema_as_asked_and_as_edited(run: Run, owner: Person, approver: Person, work: Work) -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "integer", "maximum": 100}}}
    told = run(ask(schema=schema, editable=["/payload"]), *WAYS, given={"amount": 50})
    [waiting] = pending(approver)
    body = {"edits": {"/payload/amount": 101}, "action_hash": waiting["action_hash"]}
    refused = approver.client.post(f"/hitl-approvals/{waiting['id']}/approve", body)
    assert (refused.status, list(refused.codes)) == (422, ["edits./payload/amount"])
    elsewhere = {"edits": {"/output": 1}, "action_hash": waiting["action_hash"]}
    assert approver.client.post(f"/hitl-approvals/{waiting['id']}/approve", elsewhere).status == 422
    told = run(ask(schema=schema), *WAYS, given={"amount": 500})
    assert told["execution"]["error"]["code"] == "invalid_payload"


def test_as_many_as_it_says_must_approve_of_those_whom_it_names(
    run: Run, owner: Person, world: World, approver: Person, work: Work
) -> None:
    other, stranger = world.member(owner, "approver"), world.member(owner, "approver")
    assignees = [{"type": "user", "id": person.user_id} for person in (approver, other)]
    told = run(ask(assignees=assignees, quorum=2), *WAYS, given={"amount": 50})
    assert pending(stranger) == []
    decide(approver, "approve")
    assert ended(owner, told, work)["execution"]["status"] == "waiting"
    decide(other, "approve")
    assert way_of(ended(owner, told, work)) == ["yes"]


def test_what_it_does_not_say_a_policy_says(run: Run, owner: Person, approver: Person) -> None:
    policy = {
        "name": "Large", "kinds": ["request"], "condition": "payload.amount > 10", "assignees": [{"type": "owner"}],
        "quorum": 3, "editable": ["/payload/amount"], "own_requests": True,
    }  # fmt: skip
    assert owner.client.post("/hitl-approvals/policies", policy).status == 201
    run(ask(quorum=1), *WAYS, given={"amount": 50})
    [waiting] = pending(owner)
    assert (waiting["policy_quorum"], waiting["editable"], waiting["assignees"]) == (
        1, ["/payload/amount"], [{"type": "owner", "id": None}],
    )  # fmt: skip
    run(ask(), *WAYS, given={"amount": 5})
    assert [each["payload"]["payload"] for each in pending(approver)] == [{"amount": 5}]


def test_where_approvals_are_off_the_node_fails(app: App, run: Run, owner: Person) -> None:
    before = app.offers("reviewers")
    app.offers.keep("reviewers", {})
    told = run([*ask(), node("sorry", value="{{ nodes.ask.error.code }}")], *WAYS, "ask>sorry:error", given={"amount": 1})
    app.offers.keep("reviewers", before)
    assert told["execution"]["output"] is None
    assert [each["output"] for each in told["nodes"] if each["node"] == "sorry"] == ["approvals_off"]


@pytest.mark.long
def test_it_waits_beside_other_branches(run: Run, owner: Person, approver: Person, work: Work, shed: Any) -> None:
    nodes = [node("start", "parallel"), ask()[0], tool("pack", "box"), node("meet", "join")]
    told = run(nodes, "start>ask", "start>pack", "ask>meet:approved", "pack>meet", given={"amount": 1})
    assert (len(shed.used), outcomes(told)["pack"]) == (1, "done")
    decide(approver, "approve")
    assert outcomes(ended(owner, told, work))["meet"] == "done"


def statuses(owner: Person) -> list[str]:
    """How all approvals stand."""
    return [each["status"] for each in owner.client.get("/hitl-approvals").data["items"]]


@pytest.mark.long
def test_it_is_closed_when_the_run_is_cancelled(run: Run, owner: Person, work: Work) -> None:
    told = run(ask(), *WAYS, given={"amount": 1})
    owner.client.post(f"/executions/{told['execution']['id']}/cancel", {})
    work()
    assert statuses(owner) == ["cancelled"]


@pytest.mark.long
def test_it_is_closed_when_another_branch_fails(run: Run, owner: Person, work: Work) -> None:
    nodes = [node("start", "parallel"), *ask(), node("nap", "wait", seconds=3600), node("bad", value="{{ input.absent }}")]
    told = run(nodes, *WAYS, "start>ask", "start>nap", "nap>bad", given={"amount": 1})
    assert statuses(owner) == ["pending"]
    let_time_pass(owner, told["execution"]["id"])
    told = ended(owner, told, work)
    assert (told["execution"]["error"]["code"], outcomes(told)["ask"], statuses(owner)) == (
        "expression_failed", "cancelled", ["cancelled"],
    )  # fmt: skip


def test_it_is_closed_when_the_time_of_the_node_is_up(run: Run, owner: Person, work: Work) -> None:
    [asking, *ways] = ask()
    told = run([{**asking, "timeout_seconds": 60}, *ways], *WAYS, given={"amount": 1})
    let_time_pass(owner, told["execution"]["id"])
    told = ended(owner, told, work)
    assert (told["execution"]["error"]["code"], statuses(owner)) == ("timeout", ["cancelled"])


@pytest.mark.parametrize(
    "config",
    [
        {"assignees": [{"type": "anybody"}]},
        {"assignees": [{"type": "user"}]},
        {"editable": ["/arguments"]},
        {"due_seconds": 5},
        {"quorum": 0},
    ],
)
def test_what_is_filled_in_must_be_as_it_is_to_be(run: Run, config: dict[str, Any]) -> None:
    [name] = config
    told = run(ask(**{name: f"{{{{ input.{name} }}}}"}), *WAYS, given={"amount": 1, **config})
    assert told["execution"]["error"]["code"] == "invalid_config"


def test_what_is_wrong_with_it_is_told_when_it_is_written(owner: Person) -> None:
    config = {"title": "Refund?", "schema": {"type": "money"}, "assignees": [{"type": "ladder"}, {"type": "owner"}]}
    definition = {"language": 1, "nodes": [node("ask", "approval", **config)]}
    faults = owner.client.post("/workflows/validate", {"definition": definition}).data["faults"]
    assert [fault["path"] for fault in faults] == ["nodes.ask.config.schema", "nodes.ask.config.assignees"]


def test_it_can_be_put_to_whomever_approvals_can_be_put_to() -> None:
    assert set(approval.TYPES) == {*ASSIGNEE_TYPES, LADDER}
