"""Doing a part of a run again: what is reused and what is redone is told first, and exactly that happens."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.testing.world import Person, World
from aasim_plugins.executions.hookspecs import ToolError

from ..conftest import node, read, tool
from ..test_compensation import failing, undo

Work = Callable[[], int]


def rerun(owner: Person, told: dict[str, Any], work: Work, **body: Any) -> dict[str, Any]:
    """Do it again; returns the new run, with the `plan`."""
    answer = owner.client.post(f"/workflows/executions/{told['execution']['id']}/rerun", body)
    assert answer.status == 202, answer.body
    work()
    return {**read(owner, answer.data["execution"]["id"]), "plan": verdicts(answer.data)}


def verdicts(planned: dict[str, Any]) -> dict[str, str]:
    """What becomes of the nodes, by path."""
    return {each["path"]: each["verdict"] for each in planned["plan"]}


@pytest.mark.long
def test_what_failed_is_done_again_and_the_rest_is_reused(owner: Person, run: Any, work: Work, shed: Any) -> None:
    shed.does["send"] = failing
    told = run([tool("pay", "pay", n=1), tool("send", "send", n="{{ nodes.pay.output.n }}")], "pay>send")
    del shed.does["send"]
    again = rerun(owner, told, work)
    assert again["plan"] == {"pay": "reused", "send": "redone"}
    assert (again["execution"]["status"], again["execution"]["output"]) == ("succeeded", {"n": 1})
    assert [name for name, _ in shed.calls] == ["pay", "send", "send"]
    assert [each["reused_from"] for each in again["nodes"]] == [told["execution"]["id"], None]


@pytest.mark.long
def test_what_comes_after_a_named_node_is_done_again(owner: Person, run: Any, work: Work, shed: Any) -> None:
    told = run([tool("a", "a"), tool("b", "b"), tool("c", "c"), tool("other", "other")], "a>b", "b>c", "a>other")
    again = rerun(owner, told, work, paths=["b"])
    assert again["plan"] == {"a": "reused", "b": "redone", "c": "redone", "other": "reused"}
    assert sorted(name for name, _ in shed.calls[4:]) == ["b", "c"]


@pytest.mark.long
def test_a_dry_run_only_tells(owner: Person, run: Any, work: Work, shed: Any) -> None:
    told = run([tool("a", "a"), tool("b", "b")], "a>b")
    answer = owner.client.post(f"/workflows/executions/{told['execution']['id']}/rerun", {"paths": ["b"], "dry_run": True})
    assert (answer.status, answer.data["execution"], verdicts(answer.data)) == (200, None, {"a": "reused", "b": "redone"})
    assert answer.body["message"].startswith("Nothing was started")
    assert (work(), len(shed.used)) == (0, 2)


@pytest.mark.long
def test_an_output_can_be_written_instead(owner: Person, run: Any, work: Work, shed: Any) -> None:
    told = run([tool("a", "a", n=1), tool("b", "b", n="{{ nodes.a.output.n }}")], "a>b")
    again = rerun(owner, told, work, paths=[], edits={"a": {"n": 7}})
    assert again["plan"] == {"a": "reused", "b": "redone"}
    assert again["execution"]["output"] == {"n": 7}
    assert [each["edited_by"] for each in again["nodes"]] == [owner.user_id, None]


@pytest.mark.long
def test_of_a_loop_only_the_items_that_failed_are_done_again(owner: Person, run: Any, work: Work, shed: Any) -> None:
    def check(use: Any) -> Any:
        if use.arguments["n"] == 2:
            raise ToolError("Two is bad.")
        return use.arguments["n"]

    shed.does["check"] = check
    body = {"nodes": [tool("check", "check", n="{{ item }}")]}
    loop = node("each", "foreach", items="input", body=body, concurrency=1)
    told = run([loop, tool("sum", "sum", of="{{ nodes.each.output }}")], "each>sum", given=[1, 2, 3])
    del shed.does["check"]
    again = rerun(owner, told, work)
    assert again["plan"] == {"each[0].check": "reused", "each[1].check": "redone"}
    assert again["execution"]["output"] == {"of": [1, {"n": 2}, {"n": 3}]}
    assert [arguments["n"] for name, arguments in shed.calls if name == "check"] == [1, 2, 2, 3]


@pytest.mark.long
def test_what_was_undone_is_done_again(owner: Person, run: Any, work: Work, shed: Any) -> None:
    shed.does["send"] = failing
    told = run([tool("pay", "pay", _compensate=undo("refund")), tool("send", "send")], "pay>send")
    work()
    del shed.does["send"]
    again = rerun(owner, told, work)
    assert again["plan"] == {"pay": "compensated", "send": "redone"}
    assert [name for name, _ in shed.calls] == ["pay", "send", "refund", "pay", "send"]


@pytest.mark.long
def test_a_path_that_there_was_not_is_named(owner: Person, run: Any, shed: Any) -> None:
    told = run([tool("a", "a")])
    answer = owner.client.post(f"/workflows/executions/{told['execution']['id']}/rerun", {"paths": ["b"]})
    assert (answer.status, answer.codes) == (422, {"paths": ["invalid_reference"]})


@pytest.mark.long
def test_a_run_that_goes_on_cannot_be_done_again(owner: Person, run: Any) -> None:
    told = run([node("paid", "wait", signal={"name": "paid"})])
    answer = owner.client.post(f"/workflows/executions/{told['execution']['id']}/rerun", {"paths": ["paid"]})
    assert (answer.status, answer.codes) == (409, {"_": ["invalid_state"]})


@pytest.mark.long
@pytest.mark.parametrize("again", ["/executions/{}/retry", "/workflows/executions/{}/rerun"])
def test_where_the_workflow_is_gone_the_answer_names_it(owner: Person, run: Any, again: str) -> None:
    told = run([node("a")])["execution"]
    assert owner.client.delete(f"/workflows/{told['workflow_id']}").status == 200
    answer = owner.client.post(again.format(told["id"]), {"paths": ["a"]} if "rerun" in again else {})
    assert (answer.status, answer.codes) == (404, {"_": ["not_found"]})
    assert told["workflow_id"] in answer.body["message"]


def test_a_node_that_a_cancel_cuts_off_is_cancelled(owner: Person, run: Any) -> None:
    told = run([node("paid", "wait", signal={"name": "paid"})])["execution"]
    owner.client.post(f"/executions/{told['id']}/cancel")
    [cut_off] = read(owner, told["id"])["nodes"]
    assert (cut_off["state"], cut_off["outcome"]) == ("ended", "cancelled")
    assert cut_off["finished_at"] is not None
    [listed] = owner.client.get(f"/workflows/executions/{told['id']}/nodes").data["nodes"]
    assert listed == cut_off


def test_the_output_of_a_loop_can_be_written_instead(owner: Person, run: Any, work: Work, shed: Any) -> None:
    loop = node("each", "foreach", items="input", body={"nodes": [tool("check", "check", n="{{ item }}")]}, concurrency=1)
    told = run([loop, tool("sum", "sum", of="{{ nodes.each.output }}")], "each>sum", given=[1])
    again = rerun(owner, told, work, paths=[], edits={"each": [7]})
    assert again["execution"]["output"] == {"of": [7]}
    assert [name for name, _ in shed.calls] == ["check", "sum", "sum"]


@pytest.fixture
def approved(world: World, owner: Person, run: Any, work: Work, shed: Any) -> dict[str, Any]:
    """A run in which people approved what was paid then."""
    ask = node("ask", "approval", title="Pay?", payload={"amount": 10})
    told = run([ask, tool("pay", "pay", amount="{{ nodes.ask.output.payload.amount }}")], "ask>pay:approved")
    [approval] = owner.client.get("/hitl-approvals?status=pending").data["items"]
    world.member(owner, "admin").client.post(f"/hitl-approvals/{approval['id']}/approve", {})
    work()
    return read(owner, told["execution"]["id"])


@pytest.mark.long
def test_people_are_asked_again_before_an_effect_is_repeated(
    owner: Person, approved: dict[str, Any], work: Work, shed: Any
) -> None:
    again = rerun(owner, approved, work, paths=["pay"])
    assert again["plan"] == {"ask": "redone", "pay": "redone"}
    assert (again["execution"]["status"], shed.calls) == ("waiting", [("pay", {"amount": 10})])


@pytest.mark.long
def test_nobody_can_write_what_people_approved(owner: Person, approved: dict[str, Any]) -> None:
    edits = {"ask": {"payload": {"amount": 10_000}}}
    answer = owner.client.post(f"/workflows/executions/{approved['execution']['id']}/rerun", {"paths": [], "edits": edits})
    assert (answer.status, answer.codes) == (422, {"edits.ask": ["invalid_reference"]})


@pytest.mark.long
def test_people_are_asked_again_in_another_version(owner: Person, approved: dict[str, Any], work: Work, shed: Any) -> None:
    workflow = owner.client.get(f"/workflows/{approved['execution']['workflow_id']}").data
    changed = {**workflow["definition"], "variables": {"limit": 1}}
    owner.client.patch(f"/workflows/{workflow['id']}", {"definition": changed})
    again = rerun(owner, approved, work, paths=["pay"], version=2)
    assert again["plan"] == {"ask": "redone", "pay": "redone"}
    assert again["execution"]["status"] == "waiting"
