"""Workers are killed at the n-th write of runs that wait in every way, for many n: each comes to the end that it has without."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import pytest

from .. import strace
from ..conftest import how_many
from ..deployment import Deployment, until
from ..workload import Client, prepare
from .test_kill_points import spread, started_worker

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.usefixtures("needs_strace")]
#: How long an expedition rests, in milliseconds.
_REST = 100
_END = {"legs": ["walk", "walk"], "fee": 7, "receipt": "executions.signalled", "is_permitted": True}


@dataclass
class Guide:
    """An owner, who permits expeditions and pays for them, and a bot, which starts them: nobody permits their own."""

    deployment: Deployment
    owner: Client

    def __post_init__(self) -> None:
        bot = done(self.owner, "POST", "/users", {"name": "Bot", "kind": "service", "role": "builder"})["id"]
        key = done(self.owner, "POST", "/api-keys", {"name": "bot", "user_id": bot, "scopes": ["expeditions:start"]})["key"]
        self._bot = replace(self.owner, token=key)

    def start(self) -> str:
        """Start an expedition and pay for it; its id."""
        started = done(self._bot, "POST", "/expeditions", {"input": _REST})["id"]
        done(self.owner, "POST", f"/executions/{started}/signals", {"name": "paid", "correlation": started, "data": 7})
        return str(started)

    def permit(self) -> None:
        """Approve whatever waits for it."""
        for approval in done(self.owner, "GET", "/hitl-approvals?status=pending&limit=100")["items"]:
            done(self.owner, "POST", f"/hitl-approvals/{approval['id']}/approve", {})

    def read(self, execution: str) -> Any:
        """The execution."""
        return done(self.owner, "GET", f"/executions/{execution}")

    def see_to(self, execution: str) -> bool:
        """Whether it has ended; what can be done for it is done."""
        self.permit()
        return self.read(execution)["status"] in ("succeeded", "failed", "cancelled", "timed_out")


def done(client: Client, method: str, path: str, body: Any = None) -> Any:
    """What a request is answered with that has to succeed."""
    status, answer = client.ask(method, f"/api/v1{path}", body)
    assert status < 300, answer
    return answer["data"]


def test_a_run_that_waits_in_every_way_ends_as_without_the_death_of_workers(deployment: Deployment) -> None:
    deployment.more |= {
        "AASIM_PLUGINS__ENABLED": '["witness", "expeditions"]',
        "EXPEDITIONS_FILE": str(deployment.database.folder / "noted.txt"),
    }
    deployment.start("serve")
    guide = Guide(deployment, prepare(deployment.port)[0])
    last, runs, killed = writes_of_a_run(guide), list[str](), 0
    for point in spread(how_many("WAITS", 12), last):
        run, died = kill_worker_at(point, guide)
        deployment.start("worker")
        until(lambda run=run: guide.see_to(run), f"the end of {run}")  # type: ignore[misc]
        deployment.kill("worker")
        runs.append(run)
        killed += died
    assert {run: guide.read(run)["output"] for run in runs} == dict.fromkeys(runs, _END)
    assert killed >= how_many("WAITS", 12) // 2
    assert everything_was_done_once(deployment)


def writes_of_a_run(guide: Guide) -> int:
    """How many writes the busiest thread of a worker makes for one undisturbed run."""
    worker = started_worker(guide.deployment)
    with strace.attached([worker], guide.deployment.database.folder, "-e", f"trace={strace.WRITES}") as trace:
        run = guide.start()
        until(lambda: guide.see_to(run), "the end of an undisturbed run")
    guide.deployment.kill("worker")
    return strace.most_calls_of_a_thread(trace)


def kill_worker_at(point: int, guide: Guide) -> tuple[str, bool]:
    """Start a run in a worker that dies at its `point`-th write; the run, and whether the worker did."""
    worker = started_worker(guide.deployment)
    process = guide.deployment.running["worker"]
    with strace.attached([worker], guide.deployment.database.folder, *strace.killing_at(point)):
        run = guide.start()
        until(lambda: process.poll() is not None or guide.see_to(run), f"the end at write {point}")
    died = process.poll() is not None
    guide.deployment.kill("worker")
    return run, died


def everything_was_done_once(deployment: Deployment) -> bool:
    """Whether each run has its two children and no more, each step and each wait is over once, and nothing waits or is held any more."""
    runs = deployment.rows("SELECT id, parent_id, status FROM executions_execution")
    children = Counter(parent for _, parent, _ in runs if parent is not None)
    steps = deployment.rows("SELECT execution_id, name FROM executions_step")
    over = deployment.rows("SELECT execution_id, path FROM executions_arrival WHERE path <> ''")
    return (
        {status for _, _, status in runs} == {"succeeded"}
        and children == Counter({run: 2 for run, parent, _ in runs if parent is None})
        and max(Counter(steps).values()) == 1
        and Counter(over)
        == Counter({(run, path): 1 for run in children for path in ("leg[0]", "leg[1]", "rest", "fee", "receipt")})
        and not any(deployment.rows(f"SELECT 1 FROM executions_{name}") for name in ("wait", "ticket", "admission"))
    )
