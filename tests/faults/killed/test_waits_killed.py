"""Workers are killed at the n-th write of runs that wait in every way: each comes to the end that it has without.

A dozen of them are chosen, by `FAULTS_SEED`. `FAULTS_WAITS=1000 bin/test -s -m long tests/faults/killed/test_waits_killed.py` tries every n
on PostgreSQL, and on SQLite the first and the last write of each series, which takes an hour; with 2000 it is every n on SQLite, too, for
two hours more.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from .. import strace
from ..conftest import how_many
from ..deployment import Deployment, until
from ..workload import Client, prepare
from .test_kill_points import threads_of

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.usefixtures("needs_strace")]
#: How long an expedition rests, in milliseconds.
_REST = 100
#: How often the clients look.
_PAUSE = 0.1
#: A run whose worker survives so many writes after the last one that was deadly has no more.
_BEYOND = 10
_OF_THE_OWNER = ("executions:read", "executions:signal", "hitl_approvals:read", "hitl_approvals:decide")
_END = {"legs": ["walk", "walk"], "fee": 7, "receipt": "executions.signalled", "is_permitted": True}


@dataclass
class Guide:
    """An owner, who permits expeditions and pays for them, and a bot, which starts them: nobody permits their own.

    Both use keys, which last longer than access tokens.
    """

    deployment: Deployment
    owner: Client

    def __post_init__(self) -> None:
        bot = done(self.owner, "POST", "/users", {"name": "Bot", "kind": "service", "role": "builder"})["id"]
        self._bot = self._with_key("bot", ["expeditions:start"], user_id=bot)
        self.owner = self._with_key("owner", _OF_THE_OWNER)

    def _with_key(self, name: str, scopes: Sequence[str], **more: str) -> Client:
        return replace(self.owner, token=done(self.owner, "POST", "/api-keys", {"name": name, "scopes": scopes, **more})["key"])

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
        "AASIM_WORKER__THREADS": "1",  # so that the n-th write of a run is always the same one
    }
    deployment.start("serve")
    guide = Guide(deployment, prepare(deployment.port)[0])
    writes, runs = writes_of_a_run(guide), list[str]()
    points = chosen(how_many("WAITS", 12), writes)
    killed = kill_workers_at(points, guide, runs)
    see_to_the_end(guide, runs)
    print(f"killed at {len(killed)} of {len(points)} writes, the last of them number {killed[-1]} of {writes[-1]}")  # noqa: T201 - with -s
    assert {run: guide.read(run)["output"] for run in runs} == dict.fromkeys(runs, _END)
    assert len(killed) >= len(points) // 2
    assert everything_was_done_once(deployment)


def chosen(count: int, writes: Sequence[int]) -> Sequence[int]:
    """Every number up to the last, these writes, or `count` of them, one from each of as many parts of equal length."""
    chance = random.Random(how_many("SEED", 1))
    if count >= len(writes):
        return range(1, writes[-1] + 1) if count >= writes[-1] else writes
    return [writes[chance.randrange(part * len(writes) // count, (part + 1) * len(writes) // count)] for part in range(count)]


def writes_of_a_run(guide: Guide) -> Sequence[int]:
    """The numbers of the writes that the thread of a worker makes for one undisturbed run."""
    worker = started_worker(guide.deployment)
    with strace.attached([worker], guide.deployment.database.folder, "-e", f"trace={strace.WRITES}") as trace:
        run = guide.start()
        until(lambda: guide.see_to(run), "the end of an undisturbed run", pause=_PAUSE)
    guide.deployment.kill("worker")
    return strace.deadly_calls(trace)


def kill_workers_at(points: Sequence[int], guide: Guide, runs: list[str]) -> list[int]:
    """Let workers die at these writes, until they survive since a run has fewer; a worker that was never used before has most."""
    killed = list[int]()
    for point in points:
        if kill_worker_at(point, guide, runs):
            killed.append(point)
        elif killed and point > killed[-1] + _BEYOND:
            break
    return killed


def kill_worker_at(point: int, guide: Guide, runs: list[str]) -> bool:
    """Begin another run in a worker that dies at its `point`-th write, when it has finished the others; whether it did."""
    worker = see_to_the_end(guide, runs)
    process = guide.deployment.running["worker"]
    with strace.attached([worker], guide.deployment.database.folder, *strace.killing_at(point)):
        runs.append(run := guide.start())
        until(lambda: process.poll() is not None or guide.see_to(run), f"the end at write {point}", pause=_PAUSE)
    died = process.poll() is not None
    guide.deployment.kill("worker")
    return died


def see_to_the_end(guide: Guide, runs: Sequence[str]) -> int:
    """The process id of a new worker that has nothing left to do for these runs."""
    worker = started_worker(guide.deployment)
    until(lambda: all(guide.see_to(run) for run in runs[-1:]), f"the end of {runs[-1:]}", pause=_PAUSE)
    guide.deployment.settle()
    return worker


def started_worker(deployment: Deployment) -> int:
    """The process id of a new worker whose threads are up."""
    process = deployment.start("worker")
    until(lambda: threads_of(process.pid) > 2, "the start of the worker's threads")
    return process.pid


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
