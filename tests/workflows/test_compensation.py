"""Undoing what a run has done that did not succeed: the last first, once each, and what runs of its own did before."""

from collections.abc import Callable
from typing import Any

import peewee
import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.hookspecs import ToolError

from ..executions.passing_time import make_due
from .conftest import node, read, tool, unpark

Work = Callable[[], int]


def undo(name: str, **arguments: Any) -> dict[str, Any]:
    """How a node is undone."""
    return {"type": "tool", "config": {"ref": f"shed:{name}", "approval": "never", "arguments": arguments}}


def failing(use: Any) -> Any:
    """A tool that does not work."""
    raise ToolError("It is away.")


def undoing(owner: Person, told: dict[str, Any]) -> dict[str, Any]:
    """The run that undoes that one."""
    return dict(owner.client.get(f"/executions/{told['compensation_id']}").data)


@pytest.mark.long
def test_what_was_done_is_undone_in_the_reverse_order(owner: Person, run: Any, work: Work, shed: Any) -> None:
    shed.does["send"] = failing
    told = run(
        [
            tool("reserve", "reserve", n=1, _compensate=undo("release", n="{{ node.output.n }}")),
            tool("pay", "pay", n=2, _compensate=undo("refund", n="{{ nodes.reserve.output.n + node.output.n }}")),
            tool("send", "send", _compensate=undo("never")),
        ],
        "reserve>pay", "pay>send",
    )  # fmt: skip
    work()
    assert (told["execution"]["status"], undoing(owner, told)["status"]) == ("failed", "succeeded")
    assert shed.calls[3:] == [("refund", {"n": 3}), ("release", {"n": 1})]
    assert [each["path"] for each in undoing(owner, told)["output"]["undone"]] == ["pay", "reserve"]


@pytest.mark.long
def test_a_run_that_succeeds_is_not_undone(run: Any, work: Work, shed: Any) -> None:
    told = run([tool("pay", "pay", _compensate=undo("refund"))])
    work()
    assert (told["execution"]["status"], told["compensation_id"], len(shed.used)) == ("succeeded", None, 1)


@pytest.mark.long
def test_a_cancelled_run_is_undone(owner: Person, run: Any, work: Work, shed: Any) -> None:
    told = run([tool("pay", "pay", _compensate=undo("refund")), node("paid", "wait", signal={"name": "paid"})], "pay>paid")
    owner.client.post(f"/executions/{told['execution']['id']}/cancel", {})
    work()
    told = read(owner, told["execution"]["id"])
    assert (told["execution"]["status"], undoing(owner, told)["status"]) == ("cancelled", "succeeded")
    assert [name for name, _ in shed.calls] == ["pay", "refund"]


@pytest.mark.long
def test_a_run_that_is_cancelled_while_nothing_may_begin_ends_and_is_undone_later(
    app: App, owner: Person, run: Any, work: Work, shed: Any
) -> None:
    told = run([tool("pay", "pay", _compensate=undo("refund")), node("paid", "wait", signal={"name": "paid"})], "pay>paid")
    organization = f"/organizations/{owner.organization_id}"
    assert owner.client.post(f"{organization}/halt", {"reason": "Nonsense."}).status == 200
    assert owner.client.post(f"/executions/{told['execution']['id']}/cancel", {}).status == 200
    work()
    assert [name for name, _ in shed.calls] == ["pay"]
    assert owner.client.post(f"{organization}/resume").status == 200
    unpark(app)
    work()
    assert undoing(owner, read(owner, told["execution"]["id"]))["status"] == "succeeded"
    assert [name for name, _ in shed.calls] == ["pay", "refund"]


@pytest.mark.long
def test_each_item_of_a_loop_is_undone(owner: Person, run: Any, work: Work, shed: Any) -> None:
    body = {"nodes": [tool("pay", "pay", n="{{ item }}", _compensate=undo("refund", n="{{ item }}"))]}
    shed.does["send"] = failing
    told = run(
        [node("each", "foreach", items="input", body=body, concurrency=1), tool("send", "send")], "each>send", given=[1, 2, 3]
    )
    work()
    assert undoing(owner, told)["status"] == "succeeded"
    assert [arguments["n"] for name, arguments in shed.calls if name == "refund"] == [3, 2, 1]


@pytest.mark.long
def test_what_another_workflow_did_is_undone_with_it(owner: Person, make: Any, run: Any, work: Work, shed: Any) -> None:
    shed.does["send"] = failing
    inner = make([tool("pay", "pay", _compensate=undo("refund"))])
    told = run([node("inner", "sub_workflow", workflow_id=inner["id"]), tool("send", "send")], "inner>send")
    work()
    assert undoing(owner, told)["status"] == "succeeded"
    assert [name for name, _ in shed.calls] == ["pay", "send", "refund"]


@pytest.mark.long
def test_a_workflow_undoes_what_was_done(owner: Person, make: Any, run: Any, work: Work, shed: Any) -> None:
    shed.does["send"] = failing
    give_back = make([tool("back", "back", n="{{ input.n }}"), tool("note", "note")], "back>note")
    how = {"type": "sub_workflow", "config": {"workflow_id": give_back["id"]}, "input": {"n": "{{ node.output.n + 1 }}"}}
    told = run([tool("pay", "pay", n=1, _compensate=how), tool("send", "send")], "pay>send")
    work()
    assert undoing(owner, told)["status"] == "succeeded"
    assert shed.calls[2:] == [("back", {"n": 2}), ("note", {})]
    assert undoing(owner, told)["output"] == {"undone": [{"path": "pay", "result": {}}]}


@pytest.mark.long
def test_a_workflow_that_fails_to_undo_is_put_to_people(
    world: World, owner: Person, make: Any, run: Any, work: Work, shed: Any
) -> None:
    shed.does |= {"send": failing, "back": failing}
    give_back = make([tool("back", "back")])
    how = {"type": "sub_workflow", "config": {"workflow_id": give_back["id"]}}
    told = run(
        [tool("first", "pay", _compensate=undo("refund")), tool("pay", "pay", _compensate=how), tool("send", "send")],
        "first>pay", "pay>send",
    )  # fmt: skip
    work()
    approval = undoing(owner, told)["approval_id"]
    assert ("refund", {}) not in shed.calls
    answer = world.member(owner, "admin").client.post(f"/hitl-approvals/{approval}/approve", {"comment": "By hand."})
    assert answer.status == 200, answer.body
    work()
    undone = undoing(owner, told)["output"]["undone"]
    assert undone == [{"path": "pay", "result": {"comment": "By hand."}}, {"path": "first", "result": {}}]
    assert [name for name, _ in shed.calls] == ["pay", "pay", "send", "back", "refund"]


@pytest.mark.long
def test_an_event_tells_others_to_undo(app: App, owner: Person, run: Any, work: Work, shed: Any) -> None:
    """Once, although the run that undoes is interrupted after it."""

    def lose_the_database_once(use: Any) -> Any:
        del shed.does["refund"]
        raise peewee.OperationalError("the server closed the connection")

    shed.does |= {"send": failing, "refund": lose_the_database_once}
    shed.facts = {"effect": "read"}
    how = {"type": "emit_event", "config": {"name": "custom.unpaid", "data": {"n": "{{ node.output.n }}"}}}
    told = run(
        [tool("first", "pay", _compensate=undo("refund")), tool("pay", "pay", n=1, _compensate=how), tool("send", "send")],
        "first>pay", "pay>send",
    )  # fmt: skip
    make_due(app)
    work()
    assert undoing(owner, told)["status"] == "succeeded"
    [event] = owner.client.get("/activities?action=custom.unpaid&occurred_at[gte]=2000-01-01T00:00:00Z").data["items"]
    assert event["data"] == {"n": 1}
    assert undoing(owner, told)["output"]["undone"][0] == {"path": "pay", "result": event["id"]}
    assert [name for name, _ in shed.calls].count("refund") == 2


@pytest.mark.long
def test_what_cannot_be_undone_is_put_to_people(world: World, owner: Person, run: Any, work: Work, shed: Any) -> None:
    shed.does |= {"send": failing, "refund": failing}
    told = run([tool("pay", "pay", _compensate=undo("refund")), tool("send", "send")], "pay>send")
    work()
    assert undoing(owner, told)["waiting_for"] == "approval"
    approval = undoing(owner, told)["approval_id"]
    approver = world.member(owner, "admin").client
    assert approver.post(f"/hitl-approvals/{approval}/approve", {"comment": "By hand."}).status == 200
    work()
    assert undoing(owner, told)["output"] == {"undone": [{"path": "pay", "result": {"comment": "By hand."}}]}
