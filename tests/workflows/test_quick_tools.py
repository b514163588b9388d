"""Calls of quick tools are made within the run, whatever else it does; calls of other tools are made by runs of their own."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.hookspecs import Tool, ToolUse
from aasim_plugins.executions.models import Execution

from .conftest import node, read, tool

Work = Callable[[], int]
_START = node("start", "parallel")


def own_runs(owner: Person, told: dict[str, Any]) -> set[str]:
    """The nodes that were done by a run of their own."""
    nodes = owner.client.get(f"/workflows/executions/{told['execution']['id']}/nodes").data["nodes"]
    return {each["path"] for each in nodes if each["execution_id"]}


def test_a_quick_call_beside_others_is_made_in_the_run_itself(owner: Person, run: Any, shed: Any) -> None:
    told = run(
        [_START, tool("slow", "crane"), tool("one", "quick"), tool("two", "quick")], "start>slow", "start>one", "start>two"
    )
    assert told["execution"]["status"] == "succeeded"
    assert own_runs(owner, told) == {"slow"}
    assert sorted(name for name, _ in shed.calls) == ["crane", "quick", "quick"]


def test_a_loop_calls_a_quick_tool_in_the_run_itself(owner: Person, run: Any, shed: Any) -> None:
    body = {"nodes": [tool("price", "quick", of="{{ item }}")]}
    told = run([node("each", "foreach", items="input", body=body, concurrency=2)], given=list(range(5)))
    assert told["execution"]["output"] == [{"of": n} for n in range(5)]
    assert (own_runs(owner, told), len(shed.used)) == (set(), 5)


def test_what_only_reads_is_recorded_with_its_result(owner: Person, run: Any, shed: Any) -> None:
    body = {"nodes": [tool("price", "quick_look", of="{{ item }}")]}
    told = run([node("each", "foreach", items="input", body=body, collect="none")], given=list(range(120)))
    assert (told["execution"]["status"], len(shed.used)) == ("succeeded", 120)
    calls = owner.client.get(f"/executions/{told['execution']['id']}/tool-calls?limit=100").data["items"]
    assert {(each["status"], each["effect"], each["started_at"] <= each["finished_at"]) for each in calls} == {
        ("done", "read", True)
    }


def test_a_quick_call_that_people_decide_holds_nothing_up(world: World, owner: Person, run: Any, work: Work, shed: Any) -> None:
    asked = node("asked", "tool", ref="shed:quick_pay", approval="always", arguments={"amount": 5})
    told = run([_START, asked, tool("one", "quick"), node("after")], "start>asked", "start>one", "one>after")
    assert (own_runs(owner, told), told["execution"]["status"]) == ({"asked"}, "waiting")
    assert {each["path"] for each in told["nodes"] if each["state"] == "ended"} == {"start", "one", "after"}
    approver = world.member(owner, "approver").client
    [waiting] = approver.get("/hitl-approvals/pending").data["items"]
    approver.post(f"/hitl-approvals/{waiting['id']}/approve", {})
    work()
    assert read(owner, told["execution"]["id"])["execution"]["status"] == "succeeded"
    assert [name for name, _ in shed.calls] == ["quick", "quick_pay"]


@pytest.mark.long
def test_a_run_that_made_quick_calls_for_a_second_gives_others_their_turn(owner: Person, run: Any, shed: Any) -> None:
    def take_long(use: ToolUse) -> Any:
        until = time.monotonic() + 1.1
        while time.monotonic() < until:  # as a tool that says that it is quick, and is not
            pass
        return dict(use.arguments)

    shed.does["quick"] = take_long
    body = {"nodes": [tool("price", "quick", of="{{ item }}")]}
    told = run([node("each", "foreach", items="input", body=body, concurrency=2)], given=[0, 1, 2])
    assert told["execution"]["output"] == [{"of": n} for n in range(3)]
    assert own_runs(owner, told) == set()
    with organization_scope(owner.organization_id):
        assert Execution.get_by_id(told["execution"]["id"]).turn == 3  # a call in each
    lines = owner.client.get(f"/executions/{told['execution']['id']}/logs").data["entries"]
    assert [line["data"]["tool"] for line in lines if line["event"] == "tool_slow"] == ["shed:quick"] * 3


def test_a_quick_tool_has_to_be_repeatable() -> None:
    with pytest.raises(ValueError, match="idempotent=True, or effect='read'"):
        Tool("pay", "Pay.", {"type": "object"}, lambda rights, user_id: True, quick=True)
