"""Processes are killed at the n-th write of a run, for every n: nothing is lost, nothing finished is repeated."""

from collections.abc import Iterator, Sequence

import pytest

from ...bench.processes import children
from .. import strace
from ..conftest import how_many
from ..deployment import Deployment, until
from ..invariants import violations
from ..workload import Client, History, create, execute, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.usefixtures("needs_strace")]
#: So many kills happen before a worker may live long enough to take over what the dead ones left.
_BATCH = 10


def test_a_worker_killed_at_any_write_loses_nothing_and_repeats_no_finished_step(deployment: Deployment) -> None:
    deployment.start("serve")
    client, history = prepare(deployment.port)
    last = writes_of_a_run(deployment, client, history)
    killed = 0
    for batch in batches(spread(how_many("POINTS", 30), last)):
        killed += sum(kill_worker_at(point, deployment, client, history) for point in batch)
        deployment.start("worker")
        deployment.settle()
        deployment.kill("worker")
    assert violations(deployment, history) == []
    assert killed >= how_many("POINTS", 30) // 2, (
        f"only {killed} runs were killed; the longest thread of a run makes {last} writes"
    )


def test_an_api_process_killed_at_any_write_keeps_what_it_answered(deployment: Deployment) -> None:
    deployment.start("serve")
    client, history = prepare(deployment.port)
    deployment.start("worker")
    for point in spread(how_many("API_POINTS", 14), 30):
        with strace.attached(api_processes(deployment), deployment.database.folder, *strace.killing_at(point)):
            for _ in range(3):
                create(client, history)
                execute(client, history)
    deployment.settle()
    assert violations(deployment, history) == []
    assert any(operation.attempts > 1 for operation in history.operations), "no request met a dying process"


def writes_of_a_run(deployment: Deployment, client: Client, history: History) -> int:
    """How many writes the busiest thread of a worker makes for one undisturbed run."""
    worker = started_worker(deployment)
    with strace.attached([worker], deployment.database.folder, "-e", f"trace={strace.WRITES}") as trace:
        operation = execute(client, history)
        until(lambda: is_over(deployment, operation.id), "the end of an undisturbed run")
    deployment.kill("worker")
    return strace.most_calls_of_a_thread(trace)


def kill_worker_at(point: int, deployment: Deployment, client: Client, history: History) -> bool:
    """Run one execution in a worker that dies at its `point`-th write; whether it did."""
    worker = started_worker(deployment)
    process = deployment.running["worker"]
    with strace.attached([worker], deployment.database.folder, *strace.killing_at(point)):
        operation = execute(client, history)
        until(lambda: process.poll() is not None or is_over(deployment, operation.id), f"the end at write {point}")
    died = process.poll() is not None
    deployment.kill("worker")
    return died


def started_worker(deployment: Deployment) -> int:
    """The process id of a new worker whose threads are up."""
    process = deployment.start("worker")
    until(lambda: threads_of(process.pid) > 4, "the start of the worker's threads")
    return process.pid


def threads_of(pid: int) -> int:
    """How many threads a process has."""
    from pathlib import Path

    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def api_processes(deployment: Deployment) -> Sequence[int]:
    """The processes that answer requests, when all of them are up."""
    server = deployment.running["serve"].pid
    until(lambda: len(children(server)) == 2 and deployment.ready(), "two API processes")
    return children(server)


def is_over(deployment: Deployment, execution: str | None) -> bool:
    """Whether the execution succeeded."""
    return bool(deployment.rows(f"SELECT 1 FROM executions_execution WHERE id = '{execution}' AND status = 'succeeded'"))


def spread(count: int, last: int) -> list[int]:
    """`count` numbers from 1 to `last`, evenly spread; each appears more than once when there are too few."""
    return [1 + number * last // count for number in range(count)]


def batches(points: Sequence[int]) -> Iterator[Sequence[int]]:
    """The points in groups."""
    for start in range(0, len(points), _BATCH):
        yield points[start : start + _BATCH]
