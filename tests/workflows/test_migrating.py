"""Runs that wait move to another version of their workflow: what becomes of each is told first, and exactly that happens."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.jobs.queue import enqueue
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.hookspecs import ToolError
from aasim_plugins.executions.models import Execution
from aasim_plugins.workflows.models import Batch, BatchRun

from .conftest import edge, let_time_pass, make_due, node, outcomes, read, tool, unpark
from .test_compensation import undo

Work = Callable[[], int]
WAIT = node("paid", "wait", signal={"name": "paid"})


class Bench:
    """A workflow that is changed while its runs wait."""

    def __init__(self, owner: Person, make: Any, work: Work) -> None:
        self.owner, self._make, self.work = owner, make, work
        self.workflow: dict[str, Any] = {}

    def begin(self, nodes: list[dict[str, Any]], *edges: str, runs: int = 1, given: Any = None, **fields: Any) -> list[str]:
        """Make the workflow, and so many runs of it, which go on until they wait; their ids."""
        self.workflow = self._make(nodes, *edges, **fields)
        path = f"/workflows/{self.workflow['id']}/execute"
        ids = [self.owner.client.post(path, {"input": given}).data["id"] for _ in range(runs)]
        self.work()
        return ids

    def change(self, nodes: list[dict[str, Any]], *edges: str, **fields: Any) -> None:
        """Make another version of it."""
        definition = {"language": 1, "nodes": nodes, "edges": [edge(each) for each in edges], **fields}
        answer = self.owner.client.patch(f"/workflows/{self.workflow['id']}", {"definition": definition})
        assert answer.status == 200, answer.body

    def ask(self, to: int = 2, *, dry_run: bool = False, **wanted: Any) -> Any:
        """Have the runs move, or only told what would become of them."""
        body = {"filter": {"workflow_id": self.workflow["id"], **wanted}, "to": to, "dry_run": dry_run}
        return self.owner.client.post("/workflows/executions/migrate", body)

    def move(self, to: int = 2, **wanted: Any) -> dict[str, Any]:
        """Move the runs; what became of them, as the batch tells it, which is what was told before."""
        plan = self.ask(to, dry_run=True, **wanted).data
        asked = self.ask(to, **wanted)
        assert asked.status == 202, asked.body
        self.work()
        batch = self.owner.client.get(f"/workflows/{self.workflow['id']}/batches/{asked.data['batch_id']}").data
        assert (batch["status"], batch["done"], batch["verdicts"]) == ("done", plan["count"], plan["verdicts"])
        runs = self.owner.client.get(f"/workflows/{self.workflow['id']}/batches/{batch['id']}/executions").data["items"]
        told = ("execution_id", "verdict", "reason", "path", "explanation")
        by_id = {run["execution_id"]: {name: run[name] for name in told} for run in runs}
        assert {each["execution_id"]: each for each in plan["executions"]} == {
            each["execution_id"]: by_id[each["execution_id"]] for each in plan["executions"]
        }
        return batch

    def verdict(self, to: int = 2, **wanted: Any) -> tuple[str, str | None, str | None]:
        """What becomes of the one run that there is: the verdict, why, and the node in the way."""
        batch = self.move(to, **wanted)
        [run] = self.owner.client.get(f"/workflows/{self.workflow['id']}/batches/{batch['id']}/executions").data["items"]
        return run["verdict"], run["reason"], run["path"]

    def signal(self, run: str, name: str = "paid") -> dict[str, Any]:
        """Send the run a signal, and let it go on; the run."""
        assert self.owner.client.post(f"/executions/{run}/signals", {"name": name, "data": {}}).status in (200, 202)
        self.work()
        return read(self.owner, run)


@pytest.fixture
def bench(owner: Person, make: Any, work: Work) -> Bench:
    """A workflow that is changed while its runs wait."""
    return Bench(owner, make, work)


def test_a_run_that_waits_goes_on_in_the_version_that_it_moved_to(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), WAIT, tool("b", "b")], "a>paid", "paid>b")
    bench.change([tool("a", "a"), WAIT, tool("c", "c"), tool("b", "b")], "a>paid", "paid>c", "c>b")
    assert bench.verdict() == ("moves", None, None)
    told = bench.signal(run)
    assert (told["execution"]["status"], told["execution"]["workflow_version"]) == ("succeeded", 2)
    assert [name for name, _ in shed.calls] == ["a", "c", "b"]


def test_the_log_and_an_event_say_who_moved_it_from_where_to_where(bench: Bench, owner: Person) -> None:
    [run] = bench.begin([WAIT])
    bench.change([WAIT, node("then")], "paid>then")
    bench.move()
    [line] = [each for each in owner.client.get(f"/executions/{run}/logs").data["entries"] if each["event"] == "moved"]
    assert line["data"] == {"from_version": 1, "to_version": 2, "by": owner.user_id}
    assert line["message"].endswith("moved the run from version 1 to version 2.")
    [event] = owner.client.get(f"/activities?subject_id={run}&action=executions.moved").data["items"]
    assert (event["actor"]["id"], event["changes"]) == (owner.user_id, {"workflow_version": [1, 2]})


def test_a_run_that_is_there_already_stays(bench: Bench) -> None:
    bench.begin([WAIT])
    assert bench.verdict(1) == ("stays", "there", None)


def test_what_has_begun_holds_the_run_and_is_named(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a", n=1), WAIT], "a>paid")
    bench.change([tool("a", "a", n=2), WAIT], "a>paid")
    assert bench.verdict() == ("cannot", "changed", "a")
    [told] = bench.ask(dry_run=True).data["executions"]
    assert told["explanation"] == "a has begun, and does something else in version 2."
    assert bench.signal(run)["execution"]["workflow_version"] == 1


def test_the_value_of_a_variable_that_was_used_holds_the_run(bench: Bench, shed: Any) -> None:
    used = tool("a", "a", n="{{ vars.limit }}")
    bench.begin([used, WAIT], "a>paid", variables={"limit": 1, "other": 1})
    bench.change([used, WAIT], "a>paid", variables={"limit": 1, "other": 2})
    bench.change([used, WAIT], "a>paid", variables={"limit": 2, "other": 2})
    assert bench.verdict(3) == ("cannot", "changed", "a")
    assert bench.verdict(2) == ("moves", None, None)


def test_how_nodes_are_called_tried_again_and_undone_may_change(bench: Bench, shed: Any) -> None:
    bench.begin([tool("a", "a"), WAIT], "a>paid")
    bench.change(
        [tool("a", "a", _name="First", _retry={"max_attempts": 3}, _timeout_seconds=9, _compensate=undo("x")), WAIT], "a>paid"
    )
    assert bench.verdict() == ("moves", None, None)


def test_a_node_goes_on_under_the_name_that_continues_it(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a", n=1), WAIT, tool("b", "b", n="{{ nodes.a.output.n }}")], "a>paid", "paid>b")
    renamed = [
        tool("first", "a", n=1, _was="a"),
        {**WAIT, "id": "money", "was": "paid"},
        tool("b", "b", n="{{ nodes.first.output.n + 1 }}"),
    ]
    bench.change(renamed, "first>money", "money>b")
    assert bench.verdict() == ("moves", None, None)
    told = bench.signal(run)
    assert outcomes(told) == {"first": "done", "money": "done", "b": "done"}
    assert told["execution"]["output"] == {"n": 2}


def test_names_may_be_exchanged(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), tool("b", "b"), WAIT], "a>b", "b>paid")
    bench.change([tool("b", "a", _was="a"), tool("a", "b", _was="b"), WAIT], "b>a", "a>paid")
    assert bench.verdict() == ("moves", None, None)
    assert [(each["path"], each["output"]) for each in bench.signal(run)["nodes"]][:2] == [("b", {}), ("a", {})]


def test_a_node_that_is_gone_is_named_with_what_to_write(bench: Bench, shed: Any) -> None:
    bench.begin([tool("a", "a"), WAIT], "a>paid")
    bench.change([WAIT])
    assert bench.verdict() == ("cannot", "gone", "a")
    [told] = bench.ask(dry_run=True).data["executions"]
    assert told["explanation"].endswith("give the node that continues it the field was, with the value a.")


def test_names_are_followed_over_the_versions_between(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), WAIT], "a>paid")
    bench.change([tool("b", "a", _was="a"), WAIT], "b>paid")
    bench.change([tool("c", "a", _was="b"), WAIT], "c>paid")
    assert bench.verdict(3) == ("moves", None, None)
    assert outcomes(read(bench.owner, run))["c"] == "done"


def test_a_run_goes_back_to_an_earlier_version_under_the_former_names(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), WAIT], "a>paid")
    bench.change([tool("b", "a", _was="a"), WAIT, node("then")], "b>paid", "paid>then")
    assert bench.verdict(2) == ("moves", None, None)
    assert bench.verdict(1) == ("moves", None, None)
    assert outcomes(bench.signal(run)) == {"a": "done", "paid": "done"}


def test_a_new_branch_begins_at_once(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), WAIT], "a>paid")
    bench.change([tool("a", "a"), WAIT, tool("n", "n")], "a>paid", "a>n")
    assert bench.verdict() == ("moves", None, None)
    assert read(bench.owner, run)["execution"]["status"] == "waiting"
    assert [name for name, _ in shed.calls] == ["a", "n"]


def test_what_was_skipped_and_is_wanted_now_begins_at_once(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), WAIT, tool("s", "s")], "a>paid", "a>s:error")
    bench.change([tool("a", "a"), WAIT, tool("s", "s")], "a>paid", "a>s")
    bench.move()
    assert outcomes(read(bench.owner, run)) == {"a": "done", "paid": None, "s": "done"}


def test_items_of_a_loop_move_with_their_paths(bench: Bench, shed: Any) -> None:
    def body(*after: dict[str, Any], id_: str = "got") -> dict[str, Any]:
        nodes = [tool(id_, "got", n="{{ item }}"), node("ok", "wait", signal={"name": "ok"}), *after]
        ways = [f"{id_}>ok", *(f"ok>{each['id']}" for each in after)]
        return {"nodes": nodes, "edges": [edge(way) for way in ways]}

    def loop(id_: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
        return node(id_, "foreach", items="input", body=body, concurrency=2, **more)

    [run] = bench.begin([loop("each", body())], given=[1, 2, 3])
    put = body(tool("put", "put", n="{{ nodes.had.output.n }}"), id_="had")
    put["nodes"][0]["was"] = "got"
    bench.change([loop("all", put, _was="each")])
    assert bench.verdict() == ("moves", None, None)
    for _ in range(3):
        told = bench.signal(run, "ok")
    assert told["execution"]["status"] == "succeeded", told
    assert [(name, arguments["n"]) for name, arguments in shed.calls if name == "put"] == [("put", 1), ("put", 2), ("put", 3)]


def test_a_node_that_failed_and_waits_to_be_tried_again_keeps_its_key(bench: Bench, app: App, shed: Any) -> None:
    def fail(use: Any) -> Any:
        raise ToolError("Not yet.")

    shed.does["send"] = fail
    send = tool("send", "send", _retry={"max_attempts": 2, "base_seconds": 60})
    [run] = bench.begin([send])
    bench.change([{**send, "id": "post", "was": "send"}])
    assert bench.verdict() == ("moves", None, None)
    del shed.does["send"]
    let_time_pass(bench.owner, run)
    make_due(app)
    bench.work()
    assert outcomes(read(bench.owner, run)) == {"post": "done"}
    assert len({use.idempotency_key for use in shed.used}) == 1


def test_a_child_that_is_at_work_ends_its_node_under_the_new_name(bench: Bench, make: Any) -> None:
    inner = make([WAIT])
    [run] = bench.begin([node("sub", "sub_workflow", workflow_id=inner["id"])])
    bench.change([node("inner", "sub_workflow", workflow_id=inner["id"], _was="sub")])
    assert bench.verdict() == ("moves", None, None)
    [child] = bench.owner.client.get(f"/executions?parent_id={run}").data["items"]
    bench.signal(child["id"])
    assert outcomes(read(bench.owner, run)) == {"inner": "done"}


def test_an_input_that_the_version_does_not_take_holds_the_run(bench: Bench) -> None:
    bench.begin([WAIT], given={"n": 1})
    bench.change([WAIT], input_schema={"type": "object", "required": ["m"]})
    assert bench.verdict() == ("cannot", "input", None)


def test_a_run_that_is_paused_moves_and_goes_on_when_it_is_resumed(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), WAIT], "a>paid")
    assert bench.owner.client.post(f"/executions/{run}/pause").status == 200
    bench.change([tool("a", "a"), WAIT, tool("n", "n")], "a>paid", "a>n")
    assert bench.verdict() == ("moves", None, None)
    assert [name for name, _ in shed.calls] == ["a"]
    bench.owner.client.post(f"/executions/{run}/resume")
    bench.work()
    assert [name for name, _ in shed.calls] == ["a", "n"]


def test_runs_are_chosen_by_the_filter(bench: Bench) -> None:
    first, second, over = bench.begin([WAIT], runs=3)
    bench.signal(over)
    bench.change([WAIT, node("then")], "paid>then")
    assert bench.ask(dry_run=True).data["count"] == 2
    assert bench.ask(dry_run=True, execution_ids=[first]).data["executions"][0]["execution_id"] == first
    assert bench.ask(dry_run=True, version=2).data["count"] == 0
    assert bench.ask(dry_run=True, waiting_for="approval").data["count"] == 0
    assert bench.ask(dry_run=True, since_at="2999-01-01T00:00:00Z").data["count"] == 0
    assert bench.ask(until_at="2000-01-01T00:00:00Z").data["batch_id"] is None
    assert read(bench.owner, second)["execution"]["workflow_version"] == 1


def test_a_run_that_is_changed_while_many_move_is_decided_anew_and_the_others_move(bench: Bench, app: App, owner: Person) -> None:
    runs = bench.begin([WAIT], runs=30)
    bench.change([WAIT, node("then")], "paid>then")
    asked = bench.ask().data
    cancelling = [runs[7]]

    def cancel(event: Any) -> None:
        """When the runs have been read, and nothing is written yet."""
        if 'FROM "executions_log"' in event.sql and cancelling:
            path = f"/executions/{cancelling.pop()}/cancel"
            thread = threading.Thread(target=owner.client.post, args=(path, {}))
            thread.start()
            thread.join(60)

    app.database.query_hooks.append(cancel)
    try:
        bench.work()
    finally:
        app.database.query_hooks.remove(cancel)
    batch = owner.client.get(f"/workflows/{bench.workflow['id']}/batches/{asked['batch_id']}").data
    assert (batch["status"], batch["verdicts"]) == ("done", [{"verdict": "moves", "count": 29}, {"verdict": "stays", "count": 1}])
    versions = {run: read(owner, run)["execution"]["workflow_version"] for run in runs}
    assert [run for run in runs if versions[run] == 1] == [runs[7]]
    assert bench.signal(runs[8])["execution"]["status"] == "succeeded"


def test_what_is_written_wrongly_is_named(bench: Bench) -> None:
    bench.begin([WAIT])
    assert bench.ask(9).codes == {"to": ["invalid_reference"]}
    assert bench.ask(1, version=0).status == 422
    other = {"filter": {"workflow_id": "workflow_01h455vb4pex5vsknk084sn02q"}, "to": 1}
    assert bench.owner.client.post("/workflows/executions/migrate", other).codes == {"filter.workflow_id": ["invalid_reference"]}
    bench.owner.client.patch(f"/workflows/{bench.workflow['id']}", {"status": "draft"})
    bench.owner.client.patch(f"/workflows/{bench.workflow['id']}", {"definition": {"language": 1, "nodes": []}})
    assert list(bench.ask(2).codes) == ["to"]


def test_only_those_move_whom_the_caller_may_see_and_run(bench: Bench, world: World) -> None:
    bench.begin([WAIT])
    body = {"filter": {"workflow_id": bench.workflow["id"]}, "to": 1, "dry_run": True}
    viewer, operator = (world.member(bench.owner, role).client for role in ("viewer", "operator"))
    assert viewer.post("/workflows/executions/migrate", body).status == 403
    assert operator.post("/workflows/executions/migrate", body).data["count"] == 1


def test_who_may_not_act_any_more_moves_nothing(bench: Bench, world: World, app: App) -> None:
    [run] = bench.begin([WAIT])
    bench.change([WAIT, node("then")], "paid>then")
    member = world.member(bench.owner, "operator")
    body = {"filter": {"workflow_id": bench.workflow["id"]}, "to": 2}
    assert member.client.post("/workflows/executions/migrate", body).status == 202
    [found] = [each for each in bench.owner.client.get("/users").data["items"] if each["id"] == member.user_id]
    assert bench.owner.client.delete(f"/users/{found['id']}").status == 200
    bench.work()
    with organization_scope(bench.owner.organization_id):
        assert Execution.get_by_id(run).subject_version == 1


def test_where_workflows_are_off_nothing_moves_and_what_was_asked_for_is_done_when_they_are_on_again(
    bench: Bench, app: App
) -> None:
    [run] = bench.begin([WAIT])
    bench.change([WAIT, node("then")], "paid>then")
    asked = bench.ask()
    switch(bench.owner, app, on=False)
    assert bench.ask().codes == {"_": ["feature_disabled"]}
    bench.work()
    switch(bench.owner, app, on=True)
    assert read(bench.owner, run)["execution"]["workflow_version"] == 1
    unpark(app)
    bench.work()
    assert read(bench.owner, run)["execution"]["workflow_version"] == 2
    assert bench.owner.client.get(f"/workflows/{bench.workflow['id']}/batches/{asked.data['batch_id']}").data["status"] == "done"


def switch(owner: Person, app: App, *, on: bool) -> None:
    """Have the plugin on for the organization, or off."""
    with app.database.transaction(), organization_scope(owner.organization_id):
        features.switch(owner.organization_id, "workflows", on)


def test_a_run_that_has_not_begun_begins_in_the_version_that_it_moved_to(bench: Bench, shed: Any) -> None:
    first, second = bench.begin([tool("a", "a"), WAIT], "a>paid", runs=2, concurrency={"limit": 1})
    assert read(bench.owner, second)["execution"]["waiting_for"] == "admission"
    bench.change([tool("b", "b")], concurrency={"limit": 1})
    bench.move(execution_ids=[second])
    bench.signal(first)
    assert outcomes(read(bench.owner, second)) == {"b": "done"}


def test_batches_are_forgotten_when_they_are_old(bench: Bench, app: App) -> None:
    bench.begin([WAIT])
    bench.move(1)
    with organization_scope(bench.owner.organization_id), app.database.transaction():
        Batch.update(created_at=now() - timedelta(days=91)).execute()
    with system_scope("test"), app.database.transaction():
        enqueue("workflows.prune", {})
    bench.work()
    with organization_scope(bench.owner.organization_id):
        assert (Batch.select().count(), BatchRun.select().count()) == (0, 0)
