"""A worker stands still in the middle of a step until another one has done its run: what it writes afterwards is refused."""

import os
import signal
from collections.abc import Iterator

import pytest

from ...bench.contestants.aasim import scripted_engine
from ..deployment import Deployment, deployed, until
from ..invariants import violations
from ..workload import SCRIPT, Client, History, execute, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.postgres]
REFUSED = "a job was taken away while it ran"


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    """An API, and workers whose leases end after five seconds."""
    with deployed("postgresql") as deployment:
        deployment.more["AASIM_WORKER__LEASE_SECONDS"] = "5"
        deployment.start("serve")
        yield deployment


def with_slow_agent(deployment: Deployment, client: Client, history: History) -> None:
    """Let the history be about an agent whose engine takes some seconds for each answer."""
    first, *rest = SCRIPT["replies"]
    replies = [{**first, "delay_seconds": 3}, *rest]  # type: ignore[dict-item]
    engine = scripted_engine(deployment.port, client.token)
    body = {"name": "Scripted", "engine_id": engine, "parameters": {"replies": replies}}
    client.ask("DELETE", f"/api/v1/agents/{history.agent}")
    history.agent = client.ask("POST", "/api/v1/agents", body)[1]["data"]["id"]


def test_a_step_of_a_worker_that_stood_still_is_written_once_by_the_one_that_took_over(deployment: Deployment) -> None:
    client, history = prepare(deployment.port)
    with_slow_agent(deployment, client, history)
    late = deployment.start("worker")
    run = execute(client, history)
    state = f"SELECT status FROM executions_execution WHERE id = '{run.id}'"
    until(lambda: deployment.rows(state) == [("running",)], "the first step")
    os.kill(late.pid, signal.SIGSTOP)
    deployment.running["late"] = deployment.running.pop("worker")
    deployment.log("worker").rename(deployment.log("late"))
    deployment.start("worker")
    until(lambda: deployment.rows(state) == [("succeeded",)], "the end of the run in the other worker")
    os.kill(late.pid, signal.SIGCONT)
    until(lambda: REFUSED in deployment.log("late").read_text(), "a write that comes too late")
    deployment.settle()
    assert violations(deployment, history) == []
