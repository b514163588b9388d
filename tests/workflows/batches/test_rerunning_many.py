"""Many runs are done again at once: what becomes of each, and what it costs, is told first, and each is done again once."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_core.data.records import database_of
from aasim_core.jobs.queue import enqueue
from aasim_core.testing.world import Person
from aasim_plugins.executions.models import Execution
from aasim_plugins.workflows.batches.running import BATCH
from aasim_plugins.workflows.models import RUNNING, Batch, BatchRun

from ..conftest import node, outcomes, read, tool
from ..test_compensation import failing

Work = Callable[[], int]
SINCE = "2020-01-01T00:00:00Z"


def failed(owner: Person, make: Any, work: Work, shed: Any, runs: int = 3) -> str:
    """A workflow of which so many runs have failed at their second node, whose service is well again now."""
    shed.does["send"] = failing
    workflow = make([tool("pay", "pay"), tool("send", "send")], "pay>send")
    for _ in range(runs):
        owner.client.post(f"/workflows/{workflow['id']}/execute", {"input": None})
    work()
    del shed.does["send"]
    shed.used.clear()
    return str(workflow["id"])


def ask(owner: Person, workflow_id: str, wanted: dict[str, Any] | None = None, **body: Any) -> Any:
    """Ask for it."""
    wanted = {"since_at": SINCE} if wanted is None else wanted
    return owner.client.post("/workflows/executions/rerun", {"filter": {"workflow_id": workflow_id, **wanted}, **body})


def batch_of(owner: Person, workflow_id: str, answer: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The batch, and its runs."""
    path = f"/workflows/{workflow_id}/batches/{answer.data['batch_id']}"
    return owner.client.get(path).data, owner.client.get(f"{path}/executions").data["items"]


@pytest.mark.long
def test_what_would_be_done_is_told_first(owner: Person, make: Any, work: Work, shed: Any) -> None:
    workflow_id = failed(owner, make, work, shed)
    told = ask(owner, workflow_id, dry_run=True)
    assert told.status == 200
    assert (told.data["count"], told.data["batch_id"]) == (3, None)
    assert told.data["verdicts"] == [{"verdict": "reruns", "count": 3}]
    assert told.data["nodes"] == [{"verdict": "redone", "count": 3}, {"verdict": "reused", "count": 3}]
    assert (work(), shed.used) == (0, [])


@pytest.mark.long
def test_each_run_that_failed_is_done_again_from_there(owner: Person, make: Any, work: Work, shed: Any) -> None:
    workflow_id = failed(owner, make, work, shed)
    answer = ask(owner, workflow_id)
    assert answer.status == 202
    work()
    batch, runs = batch_of(owner, workflow_id, answer)
    assert (batch["status"], batch["done"], batch["verdicts"]) == ("done", 3, [{"verdict": "reruns", "count": 3}])
    for run in runs:
        again = read(owner, run["started_id"])
        assert (again["execution"]["retry_of"], again["execution"]["status"]) == (run["execution_id"], "succeeded")
    assert [name for name, _ in shed.calls] == ["send"] * 3


@pytest.mark.long
def test_a_job_that_begins_anew_does_no_run_twice(owner: Person, make: Any, work: Work, shed: Any) -> None:
    workflow_id = failed(owner, make, work, shed)
    answer = ask(owner, workflow_id)
    work()
    with organization_scope(owner.organization_id), database_of(Batch).transaction():
        Batch.update(status=RUNNING).where(Batch.id == answer.data["batch_id"]).execute()
        enqueue(BATCH, {"batch_id": answer.data["batch_id"]})
    work()
    assert batch_of(owner, workflow_id, answer)[0]["status"] == "done"
    assert [name for name, _ in shed.calls] == ["send"] * 3


@pytest.mark.long
def test_the_run_that_is_started_has_a_key_of_the_batch_and_the_run(owner: Person, make: Any, work: Work, shed: Any) -> None:
    workflow_id = failed(owner, make, work, shed, runs=1)
    answer = ask(owner, workflow_id)
    work()
    with organization_scope(owner.organization_id):
        [run] = BatchRun.select().where(BatchRun.batch_id == answer.data["batch_id"])
        assert Execution.get_by_id(run.started_id).key == f"batch/{run.id}"


@pytest.mark.long
def test_the_nodes_to_begin_with_can_be_named(owner: Person, make: Any, work: Work, shed: Any) -> None:
    workflow_id = failed(owner, make, work, shed, runs=2)
    assert ask(owner, workflow_id, paths=["pay"]).status == 202
    work()
    assert sorted(name for name, _ in shed.calls) == ["pay", "pay", "send", "send"]


@pytest.mark.long
def test_a_run_that_has_no_such_node_is_named_and_the_others_are_done(owner: Person, make: Any, work: Work, shed: Any) -> None:
    workflow = make(
        [node("large", "condition", when="input"), tool("pay", "pay"), tool("send", "send")], "large>pay:true", "pay>send"
    )
    for given in (True, False):
        owner.client.post(f"/workflows/{workflow['id']}/execute", {"input": given})
    work()
    wanted = {"since_at": SINCE, "status": ["succeeded"]}
    told = ask(owner, workflow["id"], wanted, paths=["other"], dry_run=True).data
    assert told["verdicts"] == [{"verdict": "cannot", "count": 2}]
    answer = ask(owner, workflow["id"], wanted, paths=["other"])
    work()
    _, runs = batch_of(owner, workflow["id"], answer)
    assert {(run["verdict"], run["reason"]) for run in runs} == {("cannot", "invalid_reference")}
    assert runs[0]["explanation"].startswith("The run has no node other that could be meant here; it has")


@pytest.mark.long
def test_runs_are_done_again_in_another_version(owner: Person, make: Any, work: Work, shed: Any) -> None:
    workflow_id = failed(owner, make, work, shed, runs=1)
    definition = {"language": 1, "nodes": [tool("pay", "pay"), tool("send", "post")], "edges": [{"from": "pay", "to": "send"}]}
    owner.client.patch(f"/workflows/{workflow_id}", {"definition": definition})
    answer = ask(owner, workflow_id, version=2)
    work()
    [run] = batch_of(owner, workflow_id, answer)[1]
    assert outcomes(read(owner, run["started_id"])) == {"pay": "done", "send": "done"}
    assert [name for name, _ in shed.calls] == ["post"]


@pytest.mark.long
def test_the_cost_is_estimated_by_what_the_nodes_cost_before(owner: Person, make: Any, work: Work, shed: Any) -> None:
    prices = [{"input": 1_000_000, "output": 1_000_000, "currency": "EUR"}]
    engine = owner.client.post("/engines", {"name": "Priced", "provider": "scripted", "prices": prices}).data
    agent = owner.client.post("/agents", {"name": "Priced", "engine_id": engine["id"], "parameters": {"replies": ["Yes."]}}).data
    workflow = make([node("judge", "agent", agent_id=agent["id"], _input="Is it so?")])
    runs = [owner.client.post(f"/workflows/{workflow['id']}/execute", {"input": None}).data["id"] for _ in range(2)]
    work()
    child = read(owner, runs[0])["nodes"][0]["execution_id"]
    cost = owner.client.get(f"/executions/{child}").data["usage"]["cost"]
    told = ask(owner, workflow["id"], {"execution_ids": runs, "status": ["succeeded"]}, paths=["judge"], dry_run=True).data
    assert told["estimated_costs"] == [{"currency": "EUR", "cost": 2 * cost}]


def test_what_is_written_wrongly_is_named(owner: Person, make: Any, work: Work) -> None:
    workflow_id = make([node("a")])["id"]
    assert ask(owner, workflow_id, {}).codes == {"filter.since_at": ["required"]}
    assert ask(owner, workflow_id, version=9).codes == {"version": ["invalid_reference"]}
    assert ask(owner, workflow_id, {"since_at": SINCE, "status": ["waiting"]}).status == 422
    assert ask(owner, workflow_id).data["batch_id"] is None
