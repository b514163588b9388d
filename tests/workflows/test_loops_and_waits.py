"""What waits in a run: for signals, times, other runs; how nodes are tried again; and what is cancelled with the run."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.hookspecs import ToolError
from aasim_plugins.executions.models import Execution

from ..executions.passing_time import make_due
from .conftest import let_time_pass, node, outcomes, read, tool

Work = Callable[[], int]


def test_a_run_waits_for_a_signal(owner: Person, run: Any, work: Work) -> None:
    told = run(
        [node("paid", "wait", signal={"name": "paid"}), node("after", value="{{ nodes.paid.output.amount }}")], "paid>after"
    )
    execution = told["execution"]
    assert (execution["status"], execution["waiting_for"]) == ("waiting", "signal")
    owner.client.post(f"/executions/{execution['id']}/signals", {"name": "paid", "data": {"amount": 42}})
    work()
    assert read(owner, execution["id"])["execution"]["output"] == 42


def test_an_agent_and_another_workflow_are_nodes(owner: Person, make: Any, run: Any) -> None:
    engine = owner.client.get("/engines?provider=scripted").data["items"][0]
    agent = owner.client.post(
        "/agents", {"name": "Scripted", "engine_id": engine["id"], "parameters": {"replies": ["Good."]}}
    ).data
    inner = make([node("shout", value="{{ input.word }}!")])
    told = run(
        [
            node("judge", "agent", agent_id=agent["id"], _input="Is it good?"),
            node("louder", "sub_workflow", workflow_id=inner["id"], _input={"word": "{{ nodes.judge.output }}"}),
        ],
        "judge>louder",
    )
    assert told["execution"]["output"] == "Good.!"
    children = [each["execution_id"] for each in told["nodes"]]
    assert [owner.client.get(f"/executions/{child}").data["kind"] for child in children] == ["agent", "workflow"]


def test_a_node_runs_nothing_that_whoever_started_the_run_may_not_run(world: World, owner: Person, make: Any, work: Work) -> None:
    engine = owner.client.get("/engines?provider=scripted").data["items"][0]
    parameters = {"replies": ["Good."]}
    hidden = {"name": "Scripted", "engine_id": engine["id"], "parameters": parameters, "visibility": "private"}
    agent = owner.client.post("/agents", hidden).data
    workflow = make([node("judge", "agent", agent_id=agent["id"], _input="Is it good?")])
    operator = world.member(owner, "operator")
    execution = operator.client.post(f"/workflows/{workflow['id']}/execute", {"input": None}).data
    work()
    assert read(owner, execution["id"])["execution"]["error"]["code"] == "not_found"


@pytest.mark.long
def test_what_is_tried_again_beside_others_is_done_once_a_time(app: App, run: Any, owner: Person, work: Work, shed: Any) -> None:
    def fail_once(use: Any) -> Any:
        if sum(each.idempotency_key == use.idempotency_key for each in shed.used) == 1:
            raise ToolError("Not yet.")
        return dict(use.arguments)

    shed.does["till"] = fail_once
    body = {"nodes": [tool("pay", "till", n="{{ item }}", _retry={"max_attempts": 2, "base_seconds": 0})]}
    told = run([node("each", "foreach", items="input", body=body)], given=[1, 2, 3])
    for _ in range(3):
        make_due(app)  # the second attempts
        work()
    told = read(owner, told["execution"]["id"])
    assert told["execution"]["status"] == "succeeded"
    assert sorted(arguments["n"] for _, arguments in shed.calls) == [1, 1, 2, 2, 3, 3]


@pytest.mark.long
@pytest.mark.parametrize("calls", [False, True])
def test_a_node_waits_while_what_it_runs_is_off(app: App, owner: Person, make: Any, work: Work, *, calls: bool) -> None:
    engine = owner.client.get("/engines?provider=scripted").data["items"][0]
    agent = owner.client.post(
        "/agents", {"name": "Scripted", "engine_id": engine["id"], "parameters": {"replies": ["Good."]}}
    ).data
    runs = node("judge", "agent", agent_id=agent["id"], _input="Is it good?")
    by_a_tool = node("judge", "tool", ref=f"agent:{agent['id']}", approval="never", arguments={"input": "Is it good?"})
    workflow = make([by_a_tool if calls else runs])
    execution = owner.client.post(f"/workflows/{workflow['id']}/execute", {"input": None}).data
    for on, status in ((False, "blocked"), (True, "succeeded")):
        with organization_scope(owner.organization_id), app.database.transaction():
            features.switch(owner.organization_id, "agents", on)
        make_due(app)
        work()
        assert read(owner, execution["id"])["execution"]["status"] == status


def test_a_node_that_fails_is_tried_again(owner: Person, run: Any, work: Work, shed: Any) -> None:
    failures = iter([ToolError("It is away."), ToolError("It is away still.")])

    def pay(use: Any) -> Any:
        if (failure := next(failures, None)) is not None:
            raise failure
        return {"paid": True}

    shed.does["till"] = pay
    told = run([tool("pay", "till", _retry={"max_attempts": 3, "base_seconds": 1})])
    assert (told["execution"]["status"], told["nodes"][0]["attempt"]) == ("waiting", 2)
    for _ in range(2):
        let_time_pass(owner, told["execution"]["id"])
        work()
    told = read(owner, told["execution"]["id"])
    assert (told["execution"]["output"], told["nodes"][0]["attempt"], len(shed.used)) == ({"paid": True}, 3, 3)
    assert {use.idempotency_key for use in shed.used} == {f"{told['execution']['id']}:pay"}


@pytest.mark.long
def test_an_agent_that_a_tool_asks_runs_anew_when_the_node_is_tried_again(owner: Person, run: Any, work: Work) -> None:
    engine = owner.client.get("/engines?provider=scripted").data["items"][0]
    body = {
        "name": "Clerk",
        "engine_id": engine["id"],
        "parameters": {"replies": ["no JSON"]},
        "output_schema": {"type": "object"},
    }
    agent = owner.client.post("/agents", body).data
    asked = node("ask", "tool", ref=f"agent:{agent['id']}", arguments={"input": "x"}, _retry={"max_attempts": 2})
    told = run([asked])
    let_time_pass(owner, told["execution"]["id"])
    work()
    assert read(owner, told["execution"]["id"])["execution"]["status"] == "failed"
    with organization_scope(owner.organization_id):
        assert Execution.select().where(Execution.subject_id == agent["id"]).count() == 2


@pytest.mark.long
def test_a_node_whose_time_is_up_fails_and_what_it_runs_is_cancelled(owner: Person, make: Any, run: Any, work: Work) -> None:
    inner = make([node("paid", "wait", signal={"name": "paid"})])
    told = run([node("wait", "sub_workflow", workflow_id=inner["id"], _timeout_seconds=60), node("late")], "wait>late:error")
    let_time_pass(owner, told["execution"]["id"])
    work()
    told = read(owner, told["execution"]["id"])
    assert (told["execution"]["output"], told["nodes"][0]["error"]["code"]) == ("late", "timeout")
    assert owner.client.get(f"/executions/{told['nodes'][0]['execution_id']}").data["status"] == "cancelled"


def test_a_cancelled_run_cancels_what_it_waits_for(owner: Person, make: Any, run: Any, work: Work) -> None:
    inner = make([node("paid", "wait", signal={"name": "paid"})])
    told = run([node("a", "sub_workflow", workflow_id=inner["id"]), node("b", "sub_workflow", workflow_id=inner["id"])])
    assert owner.client.post(f"/executions/{told['execution']['id']}/cancel", {}).status == 200
    work()
    for each in read(owner, told["execution"]["id"])["nodes"]:
        assert owner.client.get(f"/executions/{each['execution_id']}").data["status"] == "cancelled"


def test_a_join_for_any_cancels_the_rest(owner: Person, run: Any, work: Work) -> None:
    told = run(
        [
            node("start", "parallel"),
            node("fast", "wait", signal={"name": "fast"}),
            node("slow", "wait", signal={"name": "slow"}),
            node("first", "join", mode="any", rest="cancel"),
        ],
        "start>fast", "start>slow", "fast>first", "slow>first",
    )  # fmt: skip
    owner.client.post(f"/executions/{told['execution']['id']}/signals", {"name": "fast", "data": 1})
    work()
    told = read(owner, told["execution"]["id"])
    assert told["execution"]["output"] == {"fast": 1}
    assert outcomes(told) == {"start": "done", "fast": "done", "slow": "cancelled", "first": "done"}


def test_an_item_that_fails_fails_the_loop_after_what_is_at_work(owner: Person, run: Any, work: Work, shed: Any) -> None:
    def check(use: Any) -> Any:
        if use.arguments["n"] == 2:
            raise ToolError("Two is bad.")
        return use.arguments["n"]

    shed.does["check"] = check
    body = {"nodes": [tool("check", "check", n="{{ item }}")]}
    told = run([node("each", "foreach", items="input", body=body, concurrency=2)], given=[1, 2, 3, 4, 5, 6])
    assert told["execution"]["error"]["code"] == "tool_failed"
    assert sorted(use.arguments["n"] for use in shed.used)[:2] == [1, 2]
    assert len(shed.used) < 6


@pytest.mark.long
def test_a_loop_over_as_many_items_as_there_may_be_comes_to_its_end(run: Any) -> None:
    body = {"nodes": [node("one", value="{{ item }}")]}
    told = run([node("each", "foreach", items="input", body=body, collect="none")], given=[0] * 5_000)
    assert (told["execution"]["status"], told["execution"]["error"]) == ("succeeded", None)


@pytest.mark.long
def test_a_loop_can_go_on_after_items_that_fail(owner: Person, run: Any, shed: Any) -> None:
    def check(use: Any) -> Any:
        if use.arguments["n"] == 2:
            raise ToolError("Two is bad.")
        return use.arguments["n"]

    shed.does["check"] = check
    body = {"nodes": [tool("check", "check", n="{{ item }}")]}
    told = run([node("each", "foreach", items="input", body=body, on_item_error="continue")], given=[1, 2, 3])
    one, two, three = told["execution"]["output"]
    assert (one, two["error"]["code"], three) == (1, "tool_failed", 3)


@pytest.mark.long
def test_a_loop_holds_no_more_at_a_time_than_it_may(owner: Person, make: Any, work: Work) -> None:
    inner = make([node("paid", "wait", signal={"name": "paid"})])
    body = {"nodes": [node("one", "sub_workflow", workflow_id=inner["id"])]}
    outer = make([node("each", "foreach", items="input", body=body, concurrency=3)])
    execution = owner.client.post(f"/workflows/{outer['id']}/execute", {"input": list(range(10))}).data
    work()
    with organization_scope(owner.organization_id):
        children = list(Execution.select().where(Execution.parent_id == execution["id"]))
    assert len(children) == 3
    for done in range(10):
        with organization_scope(owner.organization_id):
            waiting = Execution.select().where(Execution.parent_id == execution["id"], Execution.status == "waiting")
            child = waiting.order_by(Execution.id).first()
        owner.client.post(f"/executions/{child.id}/signals", {"name": "paid", "data": done})
        work()
    assert read(owner, execution["id"])["execution"]["status"] == "succeeded"


@pytest.mark.long
def test_a_wait_for_a_time_holds_nothing(owner: Person, run: Any, work: Work) -> None:
    told = run([node("nap", "wait", seconds=3600), node("after")], "nap>after")
    assert told["execution"]["waiting_for"] == "time"
    let_time_pass(owner, told["execution"]["id"])
    work()
    assert read(owner, told["execution"]["id"])["execution"]["status"] == "succeeded"
