"""An engine with rubrics, agents on it, and a worker that does in the test's own thread what is due."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off

#: A criterion that any text of at most ten characters meets.
SHORT = {"key": "short", "weight": 1, "grader": "length", "parameters": {"max": 10}}


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def engine_id(owner: Person) -> str:
    """The engine that plays scripts, which agents run on."""
    return str(owner.client.get("/engines?provider=scripted").data["items"][0]["id"])


@pytest.fixture
def make_rubric(owner: Person, engine_id: str) -> Callable[..., dict[str, Any]]:
    """Makes a rubric of the engine with these criteria."""

    def make(*criteria: Any, name: str = "Quality", **fields: Any) -> dict[str, Any]:
        body = {"name": name, "criteria": list(criteria or (SHORT,)), **fields}
        return dict(owner.client.post(f"/engines/{engine_id}/rubrics", body).data)

    return make


@pytest.fixture
def make_agent(owner: Person, engine_id: str) -> Callable[..., dict[str, Any]]:
    """Makes an agent that answers with `replies`, or echoes what it is told."""

    def make(*replies: Any, name: str = "Scripted", **fields: Any) -> dict[str, Any]:
        parameters = {"replies": list(replies)} if replies else {"echo": True}
        return dict(owner.client.post("/agents", {"name": name, "engine_id": engine_id, "parameters": parameters, **fields}).data)

    return make


@pytest.fixture
def make_judge(owner: Person) -> Callable[..., str]:
    """Makes an engine that is trusted to judge and always gives the same reply; returns its id."""

    def make(reply: Any, name: str = "Judge", **capabilities: Any) -> str:
        body = {
            "name": name,
            "provider": "scripted",
            "capabilities": {"judge": True, **capabilities},
            "default_parameters": {"replies": [{"text": reply}]},
        }
        return str(owner.client.post("/engines", body).data["id"])

    return make


@pytest.fixture
def work(app: App) -> Callable[[], int]:
    """Does every job that is due now; returns how many there were."""
    return lambda: work_off(app)


def path_of(rubric: dict[str, Any], below: str = "") -> str:
    """The path of a rubric, or of what is below it."""
    return f"/engines/{rubric['engine_id']}/rubrics/{rubric['id']}{below}"
