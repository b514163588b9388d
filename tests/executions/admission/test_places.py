"""How many executions run at the same time, when several workers take them at the same moment."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person
from aasim_core.worker.runner import work_off
from aasim_plugins.executions import states
from aasim_plugins.executions.models import Execution

from ..reaching import bring

_WORKERS = 6
_ROUNDS = 3
_MOST_OF_THE_ORGANIZATION = 2

Make = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """An organization has few places."""
    return {"executions.concurrency": _MOST_OF_THE_ORGANIZATION}


def run_all_at_once(app: App, owner: Person, agent: dict[str, Any]) -> None:
    """Queue a run for each of the workers, and have all of them take one at the same moment."""
    for _ in range(_WORKERS):
        owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"})
    barrier = Barrier(_WORKERS)

    def work(number: int) -> None:
        with app.database.connected():
            barrier.wait()
            work_off(app, f"worker {number}")

    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(work, range(_WORKERS)))


def most_at_once(owner: Person) -> int:
    """How many of the runs that have ended ran at the same time; at least one has."""
    with organization_scope(owner.organization_id):
        ended = list(Execution.select().where(Execution.finished_at.is_null(False)))
    return max(sum(one.started_at <= other.started_at < one.finished_at for one in ended) for other in ended)


@pytest.mark.long
def test_the_last_place_of_an_agent_is_taken_once(app: App, owner: Person, scripted: Make) -> None:
    for number in range(_ROUNDS):
        agent = scripted({"text": "x", "delay_seconds": 0.05}, name=f"Agent {number}", limits={"max_concurrent": 1})
        run_all_at_once(app, owner, agent)
    assert most_at_once(owner) == 1


@pytest.mark.long
def test_the_last_place_of_an_organization_is_taken_once(app: App, owner: Person, scripted: Make) -> None:
    for number in range(_ROUNDS):
        run_all_at_once(app, owner, scripted({"text": "x", "delay_seconds": 0.05}, name=f"Agent {number}"))
    assert most_at_once(owner) == _MOST_OF_THE_ORGANIZATION


@pytest.mark.parametrize("limits", [{"max_concurrent": 1}, {}])
def test_a_run_that_is_asked_to_end_keeps_its_place_until_it_has_ended(
    app: App, owner: Person, scripted: Make, limits: dict[str, int]
) -> None:
    agent = scripted("x", limits=limits)
    ids = [owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"}).data["id"] for _ in range(3)]
    with organization_scope(owner.organization_id), app.database.transaction():
        for first in ids[: limits.get("max_concurrent", _MOST_OF_THE_ORGANIZATION)]:
            bring(first, states.CANCELLING)
            Execution.update(job=2, stop_by=now() + timedelta(hours=1)).where(
                Execution.id == first
            ).execute()  # nobody has its job
    work_off(app)
    assert owner.client.get(f"/executions/{ids[-1]}").data["status"] == "queued"
