"""Workers are killed at the n-th write while they move runs to another version: each moves once, and nothing happens twice."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .. import strace
from ..conftest import how_many
from ..deployment import Deployment, until
from ..workload import Client, prepare
from .test_kill_points import spread, started_worker
from .test_waits_killed import done
from .test_workflows_killed import edges, note

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.usefixtures("needs_strace")]
_RUNS = 6
_WAIT = {"id": "paid", "type": "wait", "config": {"signal": {"name": "paid"}}}
FIRST = {
    "language": 1,
    "nodes": [note("reserve", "reserve"), _WAIT, note("send", "send")],
    "edges": edges("reserve>paid", "paid>send"),
}
#: The first two nodes are called otherwise, a new one begins at once, and what comes later is another.
SECOND = {
    "language": 1,
    "nodes": [
        note("hold", "reserve", was="reserve"),
        {**_WAIT, "id": "money", "was": "paid"},
        note("tell", "tell"),
        note("post", "post"),
    ],
    "edges": edges("hold>money", "hold>tell", "money>post"),
}
_DONE = Counter(["reserve", "tell", "post"])


@dataclass
class Shop:
    """An owner with the workflow in its two versions."""

    owner: Client

    def __post_init__(self) -> None:
        body = {"name": "Orders", "status": "active", "definition": FIRST}
        self._workflow = str(done(self.owner, "POST", "/workflows", body)["id"])
        done(self.owner, "PATCH", f"/workflows/{self._workflow}", {"definition": SECOND})

    def start(self) -> list[str]:
        """Start some runs of the first version, which wait then."""
        path = f"/workflows/{self._workflow}/execute"
        runs = [str(done(self.owner, "POST", path, {"input": None, "version": 1})["id"]) for _ in range(_RUNS)]
        until(lambda: all(self.read(run)["status"] == "waiting" for run in runs), "the waits of the runs")
        return runs

    def read(self, run: str) -> dict[str, Any]:
        """The run."""
        return dict(done(self.owner, "GET", f"/executions/{run}"))

    def move(self, runs: list[str]) -> str:
        """Have the runs move; the batch."""
        body = {"filter": {"workflow_id": self._workflow, "execution_ids": runs}, "to": 2}
        return str(done(self.owner, "POST", "/workflows/executions/migrate", body)["batch_id"])

    def batch(self, batch_id: str) -> dict[str, Any]:
        """How far it is."""
        return dict(done(self.owner, "GET", f"/workflows/{self._workflow}/batches/{batch_id}"))

    def end(self, runs: list[str]) -> None:
        """Tell the runs that they are paid for, and wait for their ends."""
        for run in runs:
            done(self.owner, "POST", f"/executions/{run}/signals", {"name": "paid"})
        until(lambda: all(self.read(run)["finished_at"] for run in runs), "the ends of the runs")


def test_runs_move_once_whenever_their_worker_dies(deployment: Deployment) -> None:
    noted = deployment.database.folder / "noted.txt"
    deployment.more |= {"AASIM_PLUGINS__ENABLED": '["witness", "expeditions"]', "EXPEDITIONS_FILE": str(noted)}
    deployment.start("serve")
    shop = Shop(prepare(deployment.port)[0])
    last, moved, killed = writes_of_a_batch(deployment, shop), list[str](), 0
    for point in spread(how_many("MOVES", 6), last):
        runs, batch, died = kill_worker_at(point, deployment, shop)
        deployment.start("worker")
        until(lambda batch=batch: shop.batch(batch)["status"] == "done", f"the end of {batch}")  # type: ignore[misc]
        assert shop.batch(batch)["verdicts"] == [{"verdict": "moves", "count": _RUNS}]
        shop.end(runs)
        deployment.kill("worker")
        moved += runs
        killed += died
    assert killed >= how_many("MOVES", 6) // 2
    assert {(shop.read(run)["status"], shop.read(run)["workflow_version"]) for run in moved} == {("succeeded", 2)}
    assert {run: done_outside(deployment, noted, run) for run in moved} == dict.fromkeys(moved, _DONE)
    told = Counter(row[0] for row in deployment.rows("SELECT subject_id FROM core_event WHERE name = 'executions.moved'"))
    assert {run: told[run] for run in moved} == dict.fromkeys(moved, 1)


def writes_of_a_batch(deployment: Deployment, shop: Shop) -> int:
    """How many writes the busiest thread of a worker makes for one undisturbed batch."""
    worker = started_worker(deployment)
    runs = shop.start()
    with strace.attached([worker], deployment.database.folder, "-e", f"trace={strace.WRITES}") as trace:
        batch = shop.move(runs)
        until(lambda: shop.batch(batch)["status"] == "done", "the end of an undisturbed batch")
    shop.end(runs)
    deployment.kill("worker")
    return strace.most_calls_of_a_thread(trace)


def kill_worker_at(point: int, deployment: Deployment, shop: Shop) -> tuple[list[str], str, bool]:
    """Have runs move by a worker that dies at its `point`-th write; the runs, the batch, and whether the worker did."""
    worker = started_worker(deployment)
    runs, process = shop.start(), deployment.running["worker"]
    with strace.attached([worker], deployment.database.folder, *strace.killing_at(point)):
        batch = shop.move(runs)
        until(lambda: process.poll() is not None or shop.batch(batch)["status"] == "done", f"the end at write {point}")
    died = process.poll() is not None
    deployment.kill("worker")
    return runs, batch, died


def done_outside(deployment: Deployment, noted: Path, run: str) -> Counter[str]:
    """What the run and its children have done; a call that was repeated with its key counts once."""
    family = {row[0] for row in deployment.rows("SELECT id FROM executions_execution WHERE root_id = '" + run + "'")}
    calls = {tuple(line.split(" ", 1)) for line in noted.read_text().splitlines() if ":" in line.split(" ", 1)[0]}
    return Counter(what for key, what in calls if key.partition(":")[0] in family)
