"""A worker is killed at the n-th write of a run with tools and an approval in between, for many n: each run ends right."""

from collections.abc import Iterator
from secrets import token_hex

import pytest

from ...bench.contestants.aasim import register
from .. import strace
from ..conftest import how_many
from ..deployment import Deployment, until
from ..workbench import SETTINGS, Workbench, keeping_a_ledger, set_up, telling_the_weather
from ..workload import Client
from .test_kill_points import spread, started_worker

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.usefixtures("needs_strace")]
#: So many kills happen before a worker may live long enough to end what the dead ones left: a run that crashed three is given up.
_BATCH = 2


@pytest.fixture
def workbench(deployment: Deployment) -> Iterator[Workbench]:
    """The agent with its services; the API runs, and no worker."""
    deployment.more.update(SETTINGS)
    with keeping_a_ledger() as ledger, telling_the_weather() as weather:
        deployment.start("serve")
        deployment.start("worker")
        client = Client(deployment.port, register(deployment.port, f"tools_{token_hex(4)}"))
        made = set_up(client, deployment.port, weather, ledger)
        deployment.kill("worker")
        yield made


def test_a_run_whose_worker_dies_at_any_write_uses_its_tools_once(deployment: Deployment, workbench: Workbench) -> None:
    last = writes_of_a_run(deployment, workbench)
    runs: dict[str, str] = {}
    points = spread(how_many("TOOL_POINTS", 8), last)
    killed = 0
    for start in range(0, len(points), _BATCH):
        for point in points[start : start + _BATCH]:
            killed += kill_worker_at(point, deployment, workbench, runs)
        bring_to_an_end(deployment, workbench, runs)
    assert killed >= len(points) // 2, f"only {killed} workers died; the longest thread of a run makes {last} writes"
    assert [problem for note, run in runs.items() for problem in violations(workbench, note, run)] == []


def violations(workbench: Workbench, note: str, run: str) -> list[str]:
    """What is wrong with a run: how it ended, or what it did."""
    ended, entries = workbench.read(run), workbench.ledger.count(note)
    if ended["status"] != "succeeded":
        return [f"{run} is {ended['status']}: {ended['error']}"]
    weather, write = workbench.calls_of(run)
    told = write["result"] or {}
    found = []
    if ended["output"] != "done":
        found.append(f"{run} answered {ended['output']}")
    if (weather["status"], weather["result"]) != ("done", {"result": {"city": "Vienna", "degrees": 21}}):
        found.append(f"{run} was told {weather['result']} of the weather")
    if entries > 1:
        found.append(f"{run} wrote {entries} times")
    if ("result" in told) != (entries == 1):
        found.append(f"{run} wrote {entries} times, and the model was told {told}")
    return found


def writes_of_a_run(deployment: Deployment, workbench: Workbench) -> int:
    """How many writes the busiest thread of a worker makes for one undisturbed run."""
    worker = started_worker(deployment)
    with strace.attached([worker], deployment.database.folder, "-e", f"trace={strace.WRITES}") as trace:
        run = workbench.execute("undisturbed")
        until(lambda: is_over(workbench, run), "the end of an undisturbed run")
    deployment.kill("worker")
    return strace.most_calls_of_a_thread(trace)


def kill_worker_at(point: int, deployment: Deployment, workbench: Workbench, runs: dict[str, str]) -> bool:
    """Run the agent in a worker that dies at its `point`-th write; whether it did."""
    worker = started_worker(deployment)
    process = deployment.running["worker"]
    note = f"note {len(runs)}"
    with strace.attached([worker], deployment.database.folder, *strace.killing_at(point)):
        runs[note] = workbench.execute(note)
        until(lambda: process.poll() is not None or is_over(workbench, runs[note]), f"the end at write {point}")
    died = process.poll() is not None
    deployment.kill("worker")
    return died


def bring_to_an_end(deployment: Deployment, workbench: Workbench, runs: dict[str, str]) -> None:
    """Let a worker that nobody kills end all runs."""
    deployment.start("worker")
    until(lambda: all(is_over(workbench, run) for run in runs.values()), "the end of all runs")
    deployment.kill("worker")


def is_over(workbench: Workbench, run: str) -> bool:
    """Whether the run has ended, after deciding what waits for people."""
    workbench.decide_what_is_pending()
    return workbench.read(run)["finished_at"] is not None
