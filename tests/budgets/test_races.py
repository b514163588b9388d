"""Runs that race for their end and for money: one of two wins, and the sums are right, on both databases."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.events.records import EventRow
from aasim_core.testing.world import Person
from aasim_core.worker.runner import work_off

from .conftest import current
from .test_runs import ANSWERED, ASKED

pytestmark = pytest.mark.long
Make = Callable[..., Any]
ROUNDS, STARTS, THREADS = 20, 50, 8


def in_its_own_connection(app: App, action: Callable[[], Any]) -> Any:
    with app.database.connected():
        return action()


def ends_of(owner: Person, execution_id: str) -> list[str]:
    names = [f"executions.{end}" for end in ("succeeded", "failed", "cancelled", "timed_out")]
    with organization_scope(owner.organization_id):
        mine = (EventRow.subject_id == execution_id) & EventRow.name.in_(names)
        return [event.name for event in EventRow.select().where(mine)]


def test_a_run_that_is_cancelled_as_it_finishes_ends_once_and_is_counted_as_it_says(
    app: App, owner: Person, agent: Make, budget: Make
) -> None:
    kept, agent_id = budget(max_cost=1_000_000), agent()
    ends: Counter[str] = Counter()
    spent = 0
    for _ in range(ROUNDS):
        execution_id = owner.client.post(f"/agents/{agent_id}/execute", {"input": "Well?"}).data["id"]
        together = Barrier(2)

        def work(together: Barrier = together) -> None:
            together.wait()
            in_its_own_connection(app, lambda: work_off(app))

        with ThreadPoolExecutor(1) as pool:
            working = pool.submit(work)
            together.wait()
            answer = owner.client.post(f"/executions/{execution_id}/cancel")
            working.result()
        work_off(app)
        run = owner.client.get(f"/executions/{execution_id}").data
        assert run["status"] == ("succeeded" if answer.status == 409 else "cancelled")
        assert ends_of(owner, execution_id) == [f"executions.{run['status']}"]
        ends[run["status"]] += 1
        spent += run["usage"]["cost"] or 0
    assert ends.total() == ROUNDS
    assert (current(owner, kept)["used_cost"], current(owner, kept)["reserved_cost"]) == (spent, 0)


def test_a_budget_for_one_run_lets_one_of_fifty_run(app: App, owner: Person, agent: Make, budget: Make) -> None:
    for number in range(ROUNDS):
        agent_id = agent(name=f"Agent {number}", parameters={"max_output_tokens": ANSWERED})
        whole = ASKED + ANSWERED
        kept = budget(name=f"One run {number}", place={"type": "agent", "id": agent_id}, max_tokens=whole)

        def start(agent_id: str = agent_id) -> int:
            return int(owner.client.post(f"/agents/{agent_id}/execute", {"input": "Well?"}).status)

        with ThreadPoolExecutor(THREADS) as pool:
            starts = [pool.submit(start) for _ in range(STARTS)]
            workers = [pool.submit(in_its_own_connection, app, lambda: work_off(app)) for _ in range(THREADS)]
            answers = Counter(one.result() for one in starts)
            assert all(worker.result() is not None for worker in workers)
        work_off(app)
        assert answers.keys() <= {202, 402}
        runs = Counter(run["status"] for run in runs_of(owner, agent_id))
        assert runs == {"succeeded": 1, "failed": answers[202] - 1} or (runs, answers[202]) == ({"succeeded": 1}, 1)
        assert (current(owner, kept)["used_tokens"], current(owner, kept)["reserved_tokens"]) == (whole, 0)


def runs_of(owner: Person, agent_id: str) -> list[dict[str, Any]]:
    return list(owner.client.get(f"/agents/{agent_id}/executions?limit=100").data["items"])
