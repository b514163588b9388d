"""Runs on engines that have limits, or have a rest: they wait in the queue, and say so."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.events.records import EventRow
from aasim_core.testing.world import Person
from aasim_plugins.engines.models import Engine, EngineUse

from ..passing_time import make_due

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]
_LONG_AGO = "2026-01-31T09:00:00.000Z"


@pytest.fixture
def limited(owner: Person) -> Callable[..., str]:
    """Gives the scripted engine limits; returns its id."""

    def limit(**some: int) -> str:
        [engine] = owner.client.get("/engines?provider=scripted").data["items"]
        assert owner.client.patch(f"/engines/{engine['id']}", {"limits": some}).status == 200
        return str(engine["id"])

    return limit


def execute(owner: Person, agent: dict[str, Any]) -> str:
    return str(owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"}).data["id"])


def read(owner: Person, execution_id: str) -> dict[str, Any]:
    return dict(owner.client.get(f"/executions/{execution_id}").data)


def log_of(owner: Person, execution_id: str) -> list[dict[str, Any]]:
    return list(owner.client.get(f"/executions/{execution_id}/logs").data["entries"])


def test_a_run_without_room_waits_in_the_queue_and_goes_on(
    app: App, owner: Person, scripted: Make, work: Work, limited: Callable[..., str]
) -> None:
    limited(rpm=1)
    agent = scripted("done")
    first, second = execute(owner, agent), execute(owner, agent)
    for _ in range(7):
        work()
        make_due(app)
    assert [(read(owner, one)["status"], read(owner, one)["attempt"]) for one in (first, second)] == [
        ("succeeded", 1),
        ("queued", 1),
    ]

    with organization_scope(owner.organization_id):
        EngineUse.update(slices=[]).where(EngineUse.engine_id.is_null(False)).execute()
    work()

    assert read(owner, second)["output"] == "done"


def test_a_run_that_waits_for_room_says_so_once(
    app: App, owner: Person, scripted: Make, work: Work, limited: Callable[..., str]
) -> None:
    limited(rpm=1)
    agent = scripted("done")
    execute(owner, agent)
    waiting = execute(owner, agent)
    for _ in range(4):
        work()
        make_due(app)

    [line] = log_of(owner, waiting)
    assert (line["event"], line["message"]) == (
        "delayed",
        "The run waits for its turn: the engine Scripted replies has no capacity now: its limit rpm is 1.",
    )
    with organization_scope(owner.organization_id):
        started = EventRow.select().where(EventRow.name == "executions.started", EventRow.subject_id == waiting)
        assert started.count() == 1


def test_the_log_says_that_an_engine_was_degraded_and_that_it_answers_again(
    app: App, owner: Person, scripted: Make, work: Work
) -> None:
    failing = execute(owner, scripted({"fault": "unavailable"}, name="Failing"))
    for _ in range(5):
        work()
        make_due(app)
    assert read(owner, failing)["error"]["code"] == "engine_unavailable"
    assert [line["event"] for line in log_of(owner, failing)][-3:] == ["engine_called", "engine_degraded", "failed"]

    waiting = execute(owner, scripted("done", name="Waiting"))
    work()
    assert (read(owner, waiting)["status"], [line["event"] for line in log_of(owner, waiting)]) == ("queued", ["delayed"])

    with organization_scope(owner.organization_id):
        engine = Engine.get(Engine.provider == "scripted")
        Engine.update(health={**engine.health, "next_probe_at": _LONG_AGO}).where(Engine.id == engine.id).execute()
    make_due(app)
    work()
    assert read(owner, waiting)["output"] == "done"
    events = [line["event"] for line in log_of(owner, waiting)]
    assert events == ["delayed", "engine_called", "engine_recovered", "engine_replied", "succeeded"]
