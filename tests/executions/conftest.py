"""An organization with a scripted agent, and a worker that does in the test's own thread what is due."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.jobs.runner import work_off
from aasim_core.testing.world import Person, World


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def scripted(owner: Person) -> Callable[..., dict[str, Any]]:
    """Makes an agent on the scripted engine that answers with `replies`."""
    engines = owner.client.get("/engines?provider=scripted").data["items"]

    def make(*replies: Any, name: str = "Scripted", **fields: Any) -> dict[str, Any]:
        parameters = {"replies": list(replies), **fields.pop("parameters", {})}
        body = {"name": name, "engine_id": engines[0]["id"], "parameters": parameters, **fields}
        return dict(owner.client.post("/agents", body).data)

    return make


@pytest.fixture
def work(app: App) -> Callable[[], int]:
    """Does every job that is due now; returns how many there were."""
    return lambda: work_off(app)
