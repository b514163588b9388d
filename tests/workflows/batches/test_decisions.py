"""A decision is for exactly what follows it: whatever starts or continues a run asks again before an effect that was not decided."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.testing.world import Answer, Person, World

from ..conftest import Shed, node, read, tool
from ..test_compensation import failing

Work = Callable[[], int]
AMOUNT = "{{ nodes.cents.output }}"


class Desk:
    """A workflow that pays what people have approved, and a person who decides."""

    def __init__(self, world: World, owner: Person, make: Any, work: Work, shed: Shed) -> None:
        self.owner, self.work, self.shed = owner, work, shed
        self.decider = world.member(owner, "admin")
        self.workflow = make(self.nodes(), "cents>ask", "ask>pay:approved")
        self.decided: list[Any] = []

    @staticmethod
    def nodes(**paid: Any) -> list[dict[str, Any]]:
        """Its nodes; `paid` are further arguments of what pays."""
        ask = node("ask", "approval", title="Pay?", payload={"cents": AMOUNT})
        return [node("cents", value="{{ input }}"), ask, tool("pay", "pay", cents=AMOUNT, **paid)]

    def begin(self, cents: int = 50) -> str:
        """Start a run, which asks; returns its id."""
        started = self.owner.client.post(f"/workflows/{self.workflow['id']}/execute", {"input": cents}).data["id"]
        self.work()
        return str(started)

    def pending(self) -> list[dict[str, Any]]:
        """The open questions."""
        return list(self.owner.client.get("/hitl-approvals?status=pending").data["items"])

    def approve(self, approval: dict[str, Any]) -> Answer:
        """Approve it as it is shown, and let the run continue."""
        path = f"/hitl-approvals/{approval['id']}/approve"
        answer = self.decider.client.post(path, {"action_hash": approval["action_hash"]})
        if answer.status == 200:
            self.decided.append(approval["payload"]["payload"]["cents"])
        self.work()
        return answer

    def paid(self, cents: int = 50) -> str:
        """A run in which people approved what was paid; returns its id."""
        run = self.begin(cents)
        self.approve(self.pending()[0])
        assert self.effects() == self.decided
        return run

    def effects(self) -> list[Any]:
        """What was paid."""
        return [arguments["cents"] for name, arguments in self.shed.calls if name == "pay"]

    def change(self, **paid: Any) -> int:
        """Let the workflow pay otherwise; returns the new version."""
        definition = {**self.workflow["definition"], "nodes": self.nodes(**paid)}
        changed = self.owner.client.patch(f"/workflows/{self.workflow['id']}", {"definition": definition}).data
        return int(changed["workflow_version"])

    def migrate(self, to: int) -> None:
        """Move the runs that wait to that version."""
        body = {"filter": {"workflow_id": self.workflow["id"]}, "to": to}
        assert self.owner.client.post("/workflows/executions/migrate", body).status == 202
        self.work()


@pytest.fixture
def desk(world: World, owner: Person, make: Any, work: Work, shed: Shed) -> Desk:
    """The workflow, and who decides."""
    return Desk(world, owner, make, work, shed)


def rerun(**body: Any) -> Callable[[Desk, str], Answer]:
    return lambda desk, run: desk.owner.client.post(f"/workflows/executions/{run}/rerun", body)


def rerun_in_batch(desk: Desk, run: str) -> Answer:
    wanted = {"workflow_id": desk.workflow["id"], "execution_ids": [run], "status": ["succeeded"]}
    return desk.owner.client.post("/workflows/executions/rerun", {"filter": wanted, "paths": ["pay"]})


def execute(desk: Desk, run: str) -> Answer:
    return desk.owner.client.post(f"/workflows/{desk.workflow['id']}/execute", {"input": 50})


def rerun_in_another_version(desk: Desk, run: str) -> Answer:
    return rerun(paths=["pay"], version=desk.change(note="other"))(desk, run)


VERBS: dict[str, tuple[Callable[[Desk, str], Answer], int]] = {
    "execute": (execute, 50),
    "rerun": (rerun(paths=["pay"]), 50),
    "rerun from the start": (rerun(paths=["cents"]), 50),
    "rerun with edits": (rerun(paths=["pay"], edits={"cents": 99_999}), 99_999),
    "rerun with edits alone": (rerun(paths=[], edits={"cents": 7}), 7),
    "rerun in a batch": (rerun_in_batch, 50),
    "rerun in another version": (rerun_in_another_version, 50),
}


@pytest.mark.long
@pytest.mark.parametrize("verb", VERBS)
def test_each_effect_is_one_that_people_decided(desk: Desk, verb: str) -> None:
    run = desk.paid()
    act, cents = VERBS[verb]
    assert act(desk, run).status == 202
    desk.work()
    assert desk.effects() == [50], "nothing happens before people have decided again"
    [approval] = desk.pending()
    desk.approve(approval)
    assert desk.effects() == desk.decided == [50, cents]


@pytest.mark.long
def test_a_retry_of_a_failed_effect_asks_again(desk: Desk) -> None:
    desk.shed.does["pay"] = failing
    run = desk.begin()
    desk.approve(desk.pending()[0])
    del desk.shed.does["pay"]
    desk.shed.used.clear()
    assert desk.owner.client.post(f"/executions/{run}/retry").status == 202
    desk.work()
    assert (desk.effects(), len(desk.pending())) == ([], 1)


@pytest.mark.long
def test_what_is_paused_and_resumed_pays_once_what_was_decided(desk: Desk) -> None:
    run = desk.begin()
    desk.owner.client.post(f"/executions/{run}/pause")
    desk.approve(desk.pending()[0])
    desk.owner.client.post(f"/executions/{run}/resume")
    desk.work()
    assert desk.effects() == desk.decided == [50]


@pytest.mark.long
def test_a_move_closes_a_question_that_something_else_follows_and_asks_again(desk: Desk) -> None:
    run = desk.begin()
    [before] = desk.pending()
    desk.migrate(desk.change(to="mallory"))
    assert desk.approve(before).status == 409
    [after] = desk.pending()
    assert (after["replaces"], after["action_hash"] != before["action_hash"]) == (before["id"], True)
    assert desk.effects() == []
    desk.approve(after)
    assert desk.shed.calls == [("pay", {"cents": 50, "to": "mallory"})]
    assert read(desk.owner, run)["execution"]["status"] == "succeeded"


@pytest.mark.long
def test_a_move_to_a_version_in_which_the_same_follows_leaves_the_question_open(desk: Desk) -> None:
    desk.begin()
    [before] = desk.pending()
    described = desk.owner.client.patch(
        f"/workflows/{desk.workflow['id']}", {"definition": {**desk.workflow["definition"], "variables": {"n": 1}}}
    )
    desk.migrate(described.data["workflow_version"])
    assert [each["id"] for each in desk.pending()] == [before["id"]]


@pytest.mark.long
def test_a_run_that_people_have_decided_does_not_move_to_where_something_else_follows(
    owner: Person, world: World, make: Any, work: Work, shed: Shed
) -> None:
    def nodes(**paid: Any) -> list[dict[str, Any]]:
        signal = node("ready", "wait", signal={"name": "ready"})
        return [node("ask", "approval", title="Pay?", payload={"cents": 50}), signal, tool("pay", "pay", cents=50, **paid)]

    workflow = make(nodes(), "ask>ready:approved", "ready>pay")
    run = owner.client.post(f"/workflows/{workflow['id']}/execute", {"input": None}).data["id"]
    work()
    [approval] = owner.client.get("/hitl-approvals?status=pending").data["items"]
    world.member(owner, "admin").client.post(f"/hitl-approvals/{approval['id']}/approve", {})
    work()
    changed = {**workflow["definition"], "nodes": nodes(to="mallory")}
    version = owner.client.patch(f"/workflows/{workflow['id']}", {"definition": changed}).data["workflow_version"]
    body = {"filter": {"workflow_id": workflow["id"]}, "to": version, "dry_run": True}
    [verdict] = owner.client.post("/workflows/executions/migrate", body).data["executions"]
    assert (verdict["verdict"], verdict["reason"], verdict["path"]) == ("cannot", "decided", "ask")
    owner.client.post(f"/executions/{run}/signals", {"name": "ready"})
    work()
    assert shed.calls == [("pay", {"cents": 50})]


@pytest.mark.long
def test_an_output_that_was_absent_stays_absent(owner: Person, run: Any, work: Work, shed: Shed) -> None:
    shed.does["a"] = failing
    told = run([tool("a", "a", _on_error="continue"), node("b", value="{{ has(nodes.a.output) ? 'there' : 'absent' }}")], "a>b")
    assert told["execution"]["output"] == "absent"
    again = owner.client.post(f"/workflows/executions/{told['execution']['id']}/rerun", {"paths": ["b"]}).data["execution"]["id"]
    work()
    assert read(owner, again)["execution"]["output"] == "absent"


@pytest.mark.long
def test_a_failure_that_was_handled_is_not_done_again(owner: Person, run: Any, work: Work, shed: Shed) -> None:
    shed.does["a"] = failing
    told = run([tool("a", "a"), tool("b", "b"), tool("z", "z")], "a>b:error")
    body = {"paths": ["z"], "dry_run": True}
    plan = owner.client.post(f"/workflows/executions/{told['execution']['id']}/rerun", body).data["plan"]
    assert {each["path"]: each["verdict"] for each in plan} == {"a": "reused", "b": "reused", "z": "redone"}
