"""Workers are killed at the n-th write while a job flow is looked at, started and run, for many n: each due time starts one run."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ...bench.contestants.aasim import scripted_engine
from .. import strace
from ..conftest import how_many
from ..deployment import Deployment, until
from ..workload import Client, prepare
from .test_kill_points import spread, started_worker

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.usefixtures("needs_strace")]
#: Long enough for a flow to be made before it is due.
_AHEAD = timedelta(seconds=2)


def test_each_due_time_starts_one_run_however_workers_die(deployment: Deployment) -> None:
    deployment.start("serve")
    client, _ = prepare(deployment.port)
    agent = make(
        client,
        "/agents",
        {"name": "S", "engine_id": scripted_engine(client.port, client.token), "parameters": {"replies": ["."]}},
    )
    last, killed, flows = writes_of_a_run(deployment, client, agent), 0, list[str]()
    for point in spread(how_many("FLOWS", 5), last):
        flow, died = kill_worker_at(point, deployment, client, agent)
        deployment.start("worker")
        until(lambda flow=flow: is_over(deployment, flow), f"the run of {flow}")  # type: ignore[misc]
        deployment.kill("worker")
        flows.append(flow)
        killed += died
    assert {flow: (firings_of(deployment, flow), runs_of(deployment, flow)) for flow in flows} == dict.fromkeys(
        flows, (["started"], ["succeeded"])
    )
    assert killed >= how_many("FLOWS", 5) // 2


def make(client: Client, path: str, body: Any) -> str:
    """The id of a new object."""
    status, answer = client.ask("POST", f"/api/v1{path}", body)
    assert status == 201, answer
    return str(answer["data"]["id"])


def flow_due_soon(client: Client, agent: str) -> str:
    """A flow that is due once, in a moment; its id."""
    due_at = datetime.now(UTC) + _AHEAD
    trigger = {"type": "once", "due_at": due_at.isoformat("T", "milliseconds")}
    return make(
        client, "/job-flows", {"name": f"At {due_at}", "target": {"type": "agent", "id": agent}, "trigger": trigger, "input": "?"}
    )


def writes_of_a_run(deployment: Deployment, client: Client, agent: str) -> int:
    """How many writes the busiest thread of a worker makes for one flow that is not disturbed."""
    worker = started_worker(deployment)
    with strace.attached([worker], deployment.database.folder, "-e", f"trace={strace.WRITES}") as trace:
        flow = flow_due_soon(client, agent)
        until(lambda: is_over(deployment, flow), "the end of an undisturbed run")
    deployment.kill("worker")
    return strace.most_calls_of_a_thread(trace)


def kill_worker_at(point: int, deployment: Deployment, client: Client, agent: str) -> tuple[str, bool]:
    """Have a flow due while the worker dies at its `point`-th write; the flow, and whether the worker did."""
    worker = started_worker(deployment)
    process = deployment.running["worker"]
    with strace.attached([worker], deployment.database.folder, *strace.killing_at(point)):
        flow = flow_due_soon(client, agent)
        until(lambda: process.poll() is not None or is_over(deployment, flow), f"the end at write {point}")
    died = process.poll() is not None
    deployment.kill("worker")
    return flow, died


def is_over(deployment: Deployment, flow: str) -> bool:
    """Whether a run of the flow has succeeded."""
    return "succeeded" in runs_of(deployment, flow)


def runs_of(deployment: Deployment, flow: str) -> list[str]:
    """The status of each run that the flow has started."""
    return [status for (status,) in deployment.rows(f"SELECT status FROM executions_execution WHERE trigger LIKE '%{flow}%'")]


def firings_of(deployment: Deployment, flow: str) -> list[str]:
    """What has become of each of its due times."""
    return [outcome for (outcome,) in deployment.rows(f"SELECT outcome FROM job_flows_firing WHERE flow_id = '{flow}'")]
