"""Workers are killed at the n-th write of runs of a workflow, for many n: each comes to the end that it has without, and is undone once."""

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

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.usefixtures("needs_strace")]
_ENDED = ("succeeded", "failed", "cancelled", "timed_out")


def note(id_: str, what: str, tool: str = "note", **more: Any) -> dict[str, Any]:
    """A node that does something outside."""
    config = {"ref": f"guide:{tool}", "approval": "never", "arguments": {"what": what}}
    return {"id": id_, "type": "tool", "config": config, **more}


def undo(what: str) -> dict[str, Any]:
    """How a node is undone."""
    return {"type": "tool", "config": {"ref": "guide:note", "approval": "never", "arguments": {"what": what}}}


def edges(*ways: str) -> list[dict[str, str]]:
    """Edges, written ``a>b``."""
    return [dict(zip(("from", "to"), way.split(">"), strict=True)) for way in ways]


INNER = {"language": 1, "nodes": [note("pay", "pay", compensate=undo("refund"))]}
_BODY = {
    "nodes": [
        note("pack", "pack {{ item }}"),
        note("label", "label {{ item }}", "mark"),
        note("weigh", "weigh {{ item }}", "look"),
    ],
    "edges": edges("pack>label", "label>weigh"),
}
_ITEMS = 4
_TWICE = {"max_attempts": 2, "base_seconds": 0.1}


def outer(inner: str) -> dict[str, Any]:
    """Three branches: a loop, a call that can be undone, and a time; then an event, another workflow, a signal, and a call that fails."""
    nodes = [
        {"id": "start", "type": "parallel"},
        {"id": "each", "type": "foreach", "config": {"items": "input", "body": _BODY, "concurrency": 2}},
        note("reserve", "reserve", compensate=undo("release")),
        {"id": "nap", "type": "wait", "config": {"seconds": 0.1}},
        {"id": "meet", "type": "join", "config": {}},
        {"id": "told", "type": "emit_event", "config": {"name": "custom.met"}},
        {"id": "inner", "type": "sub_workflow", "config": {"workflow_id": inner}},
        {"id": "paid", "type": "wait", "config": {"signal": {"name": "paid"}}},
        {
            "id": "send",
            "type": "tool",
            "config": {"ref": "guide:fail", "approval": "never"},
            "retry": {"max_attempts": 2, "base_seconds": 0.1},
        },
    ]
    ways = (
        "start>each",
        "start>reserve",
        "start>nap",
        "each>meet",
        "reserve>meet",
        "nap>meet",
        "meet>told",
        "told>inner",
        "inner>paid",
        "paid>send",
    )
    return {"language": 1, "nodes": nodes, "edges": edges(*ways)}


#: What a run does outside, whatever happens to its workers.
_DONE = Counter(
    ["reserve", "pay", "refund", "release", *(f"{what} {item}" for what in ("pack", "label", "weigh") for item in range(_ITEMS))]
)


@dataclass
class Shop:
    """An owner with the two workflows."""

    owner: Client

    def __post_init__(self) -> None:
        inner = self._make("Inner", INNER)
        self._workflow = self._make("Outer", outer(inner))

    def _make(self, name: str, definition: dict[str, Any]) -> str:
        return str(done(self.owner, "POST", "/workflows", {"name": name, "status": "active", "definition": definition})["id"])

    def start(self) -> str:
        """Start a run, and tell it that it is paid for; its id."""
        run = done(self.owner, "POST", f"/workflows/{self._workflow}/execute", {"input": list(range(_ITEMS))})["id"]
        done(self.owner, "POST", f"/executions/{run}/signals", {"name": "paid"})
        return str(run)

    def read(self, run: str) -> dict[str, Any]:
        """The run with its nodes."""
        return dict(done(self.owner, "GET", f"/workflows/executions/{run}"))

    def is_over(self, run: str) -> bool:
        """Whether the run has ended, and was undone."""
        told = self.read(run)
        if told["execution"]["status"] not in _ENDED or told["compensation_id"] is None:
            return False
        undoing = done(self.owner, "GET", f"/executions/{told['compensation_id']}")
        return undoing["status"] in _ENDED


def test_a_workflow_ends_and_is_undone_as_without_the_death_of_workers(deployment: Deployment) -> None:
    noted = deployment.database.folder / "noted.txt"
    deployment.more |= {"AASIM_PLUGINS__ENABLED": '["witness", "expeditions"]', "EXPEDITIONS_FILE": str(noted)}
    deployment.start("serve")
    shop = Shop(prepare(deployment.port)[0])
    last, runs, killed = writes_of_a_run(deployment, shop), list[str](), 0
    for point in spread(how_many("WORKFLOWS", 8), last):
        run, died = kill_worker_at(point, deployment, shop)
        deployment.start("worker")
        until(lambda run=run: shop.is_over(run), f"the end of {run}")  # type: ignore[misc]
        deployment.kill("worker")
        runs.append(run)
        killed += died
    assert {shop.read(run)["execution"]["error"]["code"] for run in runs} == {"tool_failed"}
    assert killed >= how_many("WORKFLOWS", 8) // 2
    assert {run: done_outside(deployment, noted, run) for run in runs} == dict.fromkeys(runs, _DONE)
    told = Counter(row[0] for row in deployment.rows("SELECT subject_id FROM core_event WHERE name = 'custom.met'"))
    assert {run: told[run] for run in runs} == dict.fromkeys(runs, 1)


def writes_of_a_run(deployment: Deployment, shop: Shop) -> int:
    """How many writes the busiest thread of a worker makes for one undisturbed run."""
    worker = started_worker(deployment)
    with strace.attached([worker], deployment.database.folder, "-e", f"trace={strace.WRITES}") as trace:
        run = shop.start()
        until(lambda: shop.is_over(run), "the end of an undisturbed run")
    deployment.kill("worker")
    return strace.most_calls_of_a_thread(trace)


def kill_worker_at(point: int, deployment: Deployment, shop: Shop) -> tuple[str, bool]:
    """Start a run in a worker that dies at its `point`-th write; the run, and whether the worker did."""
    worker = started_worker(deployment)
    process = deployment.running["worker"]
    with strace.attached([worker], deployment.database.folder, *strace.killing_at(point)):
        run = shop.start()
        until(lambda: process.poll() is not None or shop.is_over(run), f"the end at write {point}")
    died = process.poll() is not None
    deployment.kill("worker")
    return run, died


def done_outside(deployment: Deployment, noted: Path, run: str) -> Counter[str]:
    """What the run, those that it started, and that which undid it have done; a call that was repeated with its key counts once."""
    undoing = f"SELECT id FROM executions_execution WHERE key = 'compensation:{run}'"
    family = f"SELECT coalesce(effects_as, id) FROM executions_execution WHERE root_id = '{run}' OR root_id IN ({undoing})"
    begins = tuple(f"{row[0]}:" for row in deployment.rows(family))
    calls = {tuple(line.split(" ", 1)) for line in noted.read_text().splitlines() if ":" in line.split(" ", 1)[0]}
    return Counter(what for key, what in calls if key.startswith(begins))
