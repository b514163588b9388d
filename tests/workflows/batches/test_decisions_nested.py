"""Decisions in workflows and agents that are nodes, and what follows a question and is changed before it is decided."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from aasim_core.testing.world import Person, World

from ..conftest import Shed, node, read, tool

pytestmark = pytest.mark.long

Work = Callable[[], int]
_ROUNDS = 20


class Desk:
    """Somebody who decides, and the runs of workflows."""

    def __init__(self, world: World, owner: Person, make: Any, work: Work, shed: Shed) -> None:
        self.owner, self.make, self.work, self.shed = owner, make, work, shed
        self.decider, self.rerun_id = world.member(owner, "admin"), ""

    def execute(self, workflow: dict[str, Any]) -> str:
        """Start a run, and let it continue as far as it does; its id."""
        run = self.owner.client.post(f"/workflows/{workflow['id']}/execute", {"input": None}).data["id"]
        self.work()
        return str(run)

    def pending(self) -> list[dict[str, Any]]:
        """The open questions."""
        return list(self.owner.client.get("/hitl-approvals?status=pending").data["items"])

    def approve(self) -> dict[str, Any]:
        """Approve the one question that is open, and let the run continue; returns it."""
        [approval] = self.pending()
        answer = self.decider.client.post(f"/hitl-approvals/{approval['id']}/approve", {"action_hash": approval["action_hash"]})
        assert answer.status == 200, answer.body
        self.work()
        return approval

    def rerun(self, run: str, *paths: str) -> dict[str, tuple[str, bool]]:
        """Do the run again from there; what becomes of its nodes, and whether people are asked again."""
        answer = self.owner.client.post(f"/workflows/executions/{run}/rerun", {"paths": list(paths)})
        assert answer.status == 202, answer.body
        self.work()
        self.rerun_id = answer.data["execution"]["id"]
        return {each["path"]: (each["verdict"], each["asks_again"]) for each in answer.data["plan"]}

    def patch(self, workflow: dict[str, Any], *nodes: dict[str, Any]) -> int:
        """Give the workflow other nodes; the number of the version."""
        definition = {**workflow["definition"], "nodes": list(nodes)}
        answer = self.owner.client.patch(f"/workflows/{workflow['id']}", {"definition": definition})
        assert answer.status == 200, answer.body
        return int(answer.data["workflow_version"])

    def move(self, workflow: dict[str, Any], to: int) -> None:
        """Move the runs that wait to the version."""
        body = {"filter": {"workflow_id": workflow["id"]}, "to": to}
        assert self.owner.client.post("/workflows/executions/migrate", body).status == 202
        self.work()

    def names(self) -> list[str]:
        """The tools that were used."""
        return [name for name, _ in self.shed.calls]


@pytest.fixture
def desk(world: World, owner: Person, make: Any, work: Work, shed: Shed) -> Desk:
    """Somebody who decides."""
    return Desk(world, owner, make, work, shed)


def ask() -> dict[str, Any]:
    """A node that asks."""
    return node("ask", "approval", title="Pay?")


# Reruns.


def test_what_a_workflow_asked_is_asked_again_before_an_effect_after_it(desk: Desk) -> None:
    inner = desk.make([ask()])
    outer = desk.make([node("sub", "sub_workflow", workflow_id=inner["id"]), tool("pay", "pay")], "sub>pay")
    run = desk.execute(outer)
    desk.approve()
    assert desk.names() == ["pay"]
    assert desk.rerun(run, "pay") == {"sub": ("redone", True), "pay": ("redone", False)}
    assert desk.names() == ["pay"]
    desk.approve()
    assert desk.names() == ["pay", "pay"]


def test_in_a_loop_the_item_that_is_done_again_is_asked_again(desk: Desk) -> None:
    body = {"nodes": [ask(), tool("pay", "pay", n="{{ item }}")], "edges": [{"from": "ask", "to": "pay", "on": "approved"}]}
    run = desk.execute(desk.make([node("each", "foreach", items="[1, 2]", body=body, concurrency=1)]))
    desk.approve()
    desk.approve()
    desk.rerun(run, "each[1].pay")
    assert [arguments["n"] for _, arguments in desk.shed.calls] == [1, 2]
    desk.approve()
    assert [arguments["n"] for _, arguments in desk.shed.calls] == [1, 2, 2]


def test_what_was_decided_in_a_rerun_is_asked_again_in_the_rerun_of_that(desk: Desk) -> None:
    run = desk.execute(desk.make([ask(), node("say"), tool("pay", "pay")], "ask>say:approved", "say>pay"))
    desk.approve()
    desk.rerun(run, "say")
    desk.approve()
    assert desk.rerun(desk.rerun_id, "pay")["ask"] == ("redone", True)
    desk.approve()
    assert desk.names() == ["pay"] * 3


@pytest.fixture
def caller(owner: Person, shed: Shed) -> dict[str, Any]:
    """An agent that pays once somebody has approved that."""
    [scripted, *_] = owner.client.get("/engines?provider=scripted").data["items"]
    replies = [{"tool_calls": [{"name": "pay", "arguments": {}}]}, "Paid."]
    fields = {"name": "Caller", "engine_id": scripted["id"], "parameters": {"replies": replies}}
    return dict(owner.client.post("/agents", {**fields, "tools": [{"ref": "shed:pay", "approval": "always"}]}).data)


def test_an_agent_that_is_done_again_asks_again_for_each_of_its_calls(desk: Desk, caller: dict[str, Any]) -> None:
    run = desk.execute(desk.make([node("agent", "agent", agent_id=caller["id"])]))
    desk.approve()
    desk.rerun(run, "agent")
    assert desk.names() == ["pay"]
    desk.approve()
    assert desk.names() == ["pay", "pay"]


def test_the_decision_on_a_call_is_for_the_call_so_what_follows_does_not_repeat_it(desk: Desk, caller: dict[str, Any]) -> None:
    told = desk.make([node("agent", "agent", agent_id=caller["id"]), tool("tell", "tell")], "agent>tell")
    run = desk.execute(told)
    desk.approve()
    assert desk.rerun(run, "tell") == {"agent": ("reused", False), "tell": ("redone", False)}
    assert desk.names() == ["pay", "tell", "tell"]


def test_a_call_that_a_policy_puts_to_people_is_put_to_them_each_time(desk: Desk) -> None:
    policy = {"name": "Payments", "tool": "shed:pay", "assignees": [{"type": "permission"}]}
    assert desk.owner.client.post("/hitl-approvals/policies", policy).status == 201
    run = desk.execute(desk.make([tool("pay", "pay")]))
    desk.approve()
    desk.rerun(run, "pay")
    assert desk.names() == ["pay"]
    desk.approve()
    assert desk.names() == ["pay", "pay"]


# What follows, and is changed between asking and deciding.


def changed_agent(desk: Desk, used: dict[str, Any]) -> None:
    assert desk.owner.client.patch(f"/agents/{used['id']}", {"instructions": "Pay Mallory."}).status == 200


def changed_tool(desk: Desk, used: dict[str, Any]) -> None:
    desk.shed.facts = {**desk.shed.facts, "contract": "2"}


def changed_workflow(desk: Desk, used: dict[str, Any]) -> None:
    desk.patch(used, tool("pay", "pay", to="mallory"))


CHANGES = {"agent": changed_agent, "tool": changed_tool, "sub_workflow": changed_workflow}


@pytest.mark.parametrize("type_", CHANGES)
def test_what_a_follower_uses_and_is_another_when_people_decide_is_asked_again(
    desk: Desk, caller: dict[str, Any], type_: str
) -> None:
    used = {"agent": caller, "sub_workflow": desk.make([tool("pay", "pay")]), "tool": {}}[type_]
    follower = tool("pay", "pay") if type_ == "tool" else node("pay", type_, **{f"{type_.removeprefix('sub_')}_id": used["id"]})
    desk.execute(desk.make([ask(), follower], "ask>pay:approved"))
    [before] = desk.pending()
    CHANGES[type_](desk, used)
    desk.approve()
    [after] = desk.pending()
    assert (desk.names(), after["replaces"]) == ([], before["id"])
    assert "has changed since" in after["summary"]
    desk.approve()
    assert [each["kind"] for each in desk.pending()] == (["tool_call"] if type_ == "agent" else [])


def test_a_new_version_changes_nothing_of_what_follows_in_a_run(desk: Desk) -> None:
    workflow = desk.make([ask(), tool("pay", "pay")], "ask>pay:approved")
    desk.execute(workflow)
    desk.patch(workflow, ask(), tool("pay", "pay", to="mallory"))
    desk.approve()
    assert (desk.shed.calls, desk.pending()) == ([("pay", {})], [])


def test_a_workflow_that_moves_closes_what_a_workflow_in_it_has_asked(desk: Desk) -> None:
    inner = desk.make([ask()])
    sub = node("sub", "sub_workflow", workflow_id=inner["id"])
    outer = desk.make([sub, tool("pay", "pay")], "sub>pay")
    desk.execute(outer)
    [before] = desk.pending()
    desk.move(outer, desk.patch(outer, sub, tool("pay", "pay", to="mallory")))
    [after] = desk.pending()
    assert after["replaces"] == before["id"]
    assert desk.owner.client.get(f"/hitl-approvals/{before['id']}").data["status"] == "cancelled"


def test_a_workflow_in_which_another_has_decided_does_not_move(desk: Desk) -> None:
    inner = desk.make([ask(), node("ready", "wait", signal={"name": "ready"})], "ask>ready:approved")
    sub = node("sub", "sub_workflow", workflow_id=inner["id"])
    outer = desk.make([sub, tool("pay", "pay")], "sub>pay")
    run = desk.execute(outer)
    desk.approve()
    desk.move(outer, desk.patch(outer, sub, tool("pay", "pay", to="mallory")))
    assert read(desk.owner, run)["execution"]["workflow_version"] == 1


# Races.


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What these give that begin at the same moment."""
    start = Barrier(len(acts))

    def act(do: Callable[[], Any]) -> Any:
        start.wait()
        return do()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


def test_of_a_move_and_a_decision_at_once_what_was_not_decided_is_not_done(desk: Desk) -> None:
    workflow = desk.make([ask(), tool("pay", "pay", to="grace")], "ask>pay:approved")
    version = desk.patch(workflow, ask(), tool("pay", "pay", to="mallory"))
    for _ in range(_ROUNDS):
        desk.shed.used.clear()
        body = {"input": None, "version": 1}
        run = desk.owner.client.post(f"/workflows/{workflow['id']}/execute", body).data["id"]
        desk.work()
        [asked] = desk.pending()
        approve = f"/hitl-approvals/{asked['id']}/approve"
        body = {"filter": {"workflow_id": workflow["id"], "execution_ids": [run]}, "to": version}

        def move(body: dict[str, Any] = body) -> int:
            status = desk.owner.client.post("/workflows/executions/migrate", body).status
            desk.work()
            return int(status)

        decided, _ = at_once(lambda path=approve: desk.decider.client.post(path, {}).status, move)
        desk.work()
        was_moved = read(desk.owner, run)["execution"]["workflow_version"] == version
        assert decided in (200, 409)
        assert desk.shed.calls == ([] if was_moved else [("pay", {"to": "grace"})])
        if was_moved:
            desk.approve()
            assert desk.shed.calls == [("pay", {"to": "mallory"})]


def test_of_a_rerun_and_a_decision_at_once_each_effect_is_decided(desk: Desk) -> None:
    run = desk.execute(desk.make([ask(), tool("pay", "pay")], "ask>pay:approved"))
    desk.approve()
    for number in range(1, _ROUNDS + 1):
        desk.rerun(run, "pay")
        [asked] = desk.pending()
        path, approve = f"/workflows/executions/{run}/rerun", f"/hitl-approvals/{asked['id']}/approve"

        def decide(path: str = approve) -> int:
            return int(desk.decider.client.post(path, {}).status)

        statuses = at_once(decide, lambda path=path: desk.owner.client.post(path, {"paths": ["pay"]}).status)
        assert statuses == [200, 202]
        desk.work()
        assert len(desk.names()) == 2 * number
        desk.approve()
        assert len(desk.names()) == 2 * number + 1
