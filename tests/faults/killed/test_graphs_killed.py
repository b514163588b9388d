"""Workers and APIs are killed at random moments of runs with every kind of node: each ends as without, and has done everything once.

What is not known to have been done is asked; only what somebody says was not done comes once more, and then with the same key.
"""

import http.client
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ..conftest import how_many
from ..deployment import Deployment, until
from ..receiver import Receiver, receiving
from ..workload import Client, prepare
from .test_waits_killed import done
from .test_workflows_killed import edges

pytestmark = [pytest.mark.long, pytest.mark.faults]
_ENDED = ("succeeded", "failed", "cancelled", "timed_out")
_ITEMS = 50
#: What is done to undo, and what a run does in all.
_UNDONE = ("release", "refund")
_DONE = Counter(["reserve", "pay", *_UNDONE, *(f"item {number}" for number in range(_ITEMS))])
#: So many kills in one run, at most: a job that ended its worker three times is given up.
_A_RUN = 8


def post(note: str) -> dict[str, Any]:
    """A request that is not made again unless somebody says that it was not made."""
    return {"type": "http", "config": {"method": "POST", "url": "{{ vars.url }}", "body": {"note": note}}}


def posting(id_: str, note: str, **more: Any) -> dict[str, Any]:
    """A node that makes it, and again where it was not made."""
    return {"id": id_, **post(note), "retry": {"max_attempts": 5, "base_seconds": 0.1, "on": ["tool_failed"]}, **more}


def inner(url: str) -> dict[str, Any]:
    """Pays."""
    pay = posting("pay", "{{ input }} pay", compensate=post("{{ input }} refund"))
    return {"language": 1, "variables": {"url": url}, "nodes": [pay]}


def outer(url: str, workflow_id: str) -> dict[str, Any]:
    """A fork to a map, a call that can be undone and a time; a join, people, another workflow, and the end that has all undone."""
    body = {"nodes": [posting("send", "{{ run.id }} item {{ item }}")]}
    nodes = [
        {"id": "start", "type": "parallel"},
        {"id": "each", "type": "foreach", "config": {"items": "input", "body": body, "concurrency": 8, "collect": "none"}},
        posting("reserve", "{{ run.id }} reserve", compensate=post("{{ run.id }} release")),
        {"id": "nap", "type": "wait", "config": {"seconds": 0.5}},
        {"id": "meet", "type": "join", "config": {}},
        {"id": "ask", "type": "approval", "config": {"title": "Pay?"}},
        {"id": "inner", "type": "sub_workflow", "config": {"workflow_id": workflow_id}, "input": "{{ run.id }}"},
        {"id": "end", "type": "end", "config": {"status": "failed", "error": "Not today."}},
    ]
    ways = ("start>each", "start>reserve", "start>nap", "each>meet", "reserve>meet", "nap>meet", "meet>ask", "inner>end")
    return {
        "language": 1,
        "variables": {"url": url},
        "nodes": nodes,
        "edges": [*edges(*ways), {"from": "ask", "to": "inner", "on": "approved"}],
    }


@dataclass
class Shop:
    """An owner with the two workflows, who decides what is asked: what is not known to have been done, as the receiver has it."""

    deployment: Deployment
    owner: Client
    receiver: Receiver

    def __post_init__(self) -> None:
        everything = {"name": "Everything", "assignees": [{"type": "owner"}], "own_requests": True, "required": False}
        done(self.owner, "POST", "/hitl-approvals/policies", everything)
        pays = self._make("Inner", inner(self.receiver.url))
        self._workflow = self._make("Outer", outer(self.receiver.url, pays))
        self.rejected = dict[str, str]()

    def _make(self, name: str, definition: dict[str, Any]) -> str:
        return str(done(self.owner, "POST", "/workflows", {"name": name, "status": "active", "definition": definition})["id"])

    def start(self) -> str:
        """Start a run; its id."""
        return str(done(self.owner, "POST", f"/workflows/{self._workflow}/execute", {"input": list(range(_ITEMS))})["id"])

    def is_over(self, run: str) -> bool:
        """Whether the run has ended and was undone; what is asked is decided. An API that is away is asked again."""
        try:
            self._decide()
            told = done(self.owner, "GET", f"/workflows/executions/{run}")
            if told["execution"]["status"] not in _ENDED or told["compensation_id"] is None:
                return False
            return done(self.owner, "GET", f"/executions/{told['compensation_id']}")["status"] in _ENDED
        except (OSError, http.client.HTTPException):
            return False

    def _decide(self) -> None:
        for approval in done(self.owner, "GET", "/hitl-approvals/pending?limit=100")["items"]:
            note = approval["payload"]["arguments"]["body"]["note"] if approval["kind"] == "unknown_outcome" else ""
            verb = "approve" if not note or self._was_done(note) else "reject"
            if verb == "reject":
                self.rejected[approval["id"]] = note
            self.owner.ask("POST", f"/api/v1/hitl-approvals/{approval['id']}/{verb}", {"comment": "As the receiver says."})

    def _was_done(self, note: str) -> bool:
        """Whether the receiver has it. What is to be undone and was not, the owner does by hand."""
        is_there = any(each == note for _, each in self.receiver.entries())
        if not is_there and note.endswith(_UNDONE):
            self.receiver.post(note, "by hand")
            return True
        return is_there

    def end_of(self, run: str) -> tuple[str, str, dict[str, str], str]:
        """How the run and its nodes have ended, and the run that has undone it."""
        told = done(self.owner, "GET", f"/workflows/executions/{run}")
        undoing = done(self.owner, "GET", f"/executions/{told['compensation_id']}")
        nodes = f"SELECT path, outcome FROM workflows_node WHERE execution_id = '{run}' AND path <> ''"
        execution = told["execution"]
        return execution["status"], execution["error"]["code"], dict(self.deployment.rows(nodes)), undoing["status"]


@pytest.fixture
def shop(deployment: Deployment) -> Iterator[Shop]:
    """The shop, with an API and a worker."""
    deployment.more |= {"AASIM_WORKFLOWS__ALLOWED_NETWORKS": '["127.0.0.0/8"]'}
    with receiving(deployment.database.folder) as receiver:
        deployment.start("serve")
        shop = Shop(deployment, prepare(deployment.port)[0], receiver)
        deployment.start("worker")
        yield shop


def test_a_graph_ends_as_without_kills_and_does_everything_once(shop: Shop) -> None:
    seed, left = how_many("SEED", 1), how_many("GRAPHS", 6)
    chance, runs = random.Random(seed), [shop.start()]
    until(lambda: shop.is_over(runs[0]), "the end of an undisturbed run")
    while left:
        run = shop.start()
        left -= killed_during(run, shop, chance, min(left, _A_RUN))
        until(lambda run=run: shop.is_over(run), f"the end of {run}", seconds=300)  # type: ignore[misc]
        runs.append(run)
    ends = {run: shop.end_of(run) for run in runs}
    assert ends == dict.fromkeys(runs, ends[runs[0]]), f"the seed was {seed}"
    assert {run: shop.receiver.notes_of(run) for run in runs} == dict.fromkeys(runs, _DONE), f"the seed was {seed}"
    assert shop.receiver.repeated() <= Counter(shop.rejected.values()), f"the seed was {seed}"


def killed_during(run: str, shop: Shop, chance: random.Random, most: int) -> int:
    """Kill a worker or an API, at most so often, each time when the run has done some more; how often there was something to kill."""
    killed = 0
    for moment in sorted(chance.sample(range(_DONE.total()), most)):
        until(
            lambda moment=moment: shop.receiver.notes_of(run).total() >= moment or shop.is_over(run), f"moment {moment} of {run}"
        )  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.1))
        if shop.is_over(run):
            break
        name = chance.choice(["worker", "worker", "serve"])
        shop.deployment.kill(name)
        shop.deployment.start(name)
        killed += 1
    return killed
