"""An organization with an engine whose calls cost a micro-unit a token, agents on it, and a worker in the test's own thread."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off

#: A micro-unit of the currency for each token, read or written.
PRICE = {"input": 1_000_000, "output": 1_000_000}


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def engine(owner: Person) -> Callable[..., str]:
    """Makes a scripted engine with a price in US dollars; returns its id."""

    def make(name: str = "Priced", **fields: Any) -> str:
        body = {"name": name, "provider": "scripted", "prices": [{**PRICE, "currency": "USD"}], **fields}
        return str(owner.client.post("/engines", body).data["id"])

    return make


@pytest.fixture
def agent(owner: Person, engine: Callable[..., str]) -> Callable[..., str]:
    """Makes an agent that answers "yes" in at most 10 tokens, on an engine with a price; returns its id."""

    def make(*replies: Any, name: str = "Scripted", parameters: Any = None, **fields: Any) -> str:
        own = {"replies": [*replies] or ["yes"], "max_output_tokens": 10, **(parameters or {})}
        body = {"name": name, "parameters": own, **fields}
        body.setdefault("engine_id", engine(f"Engine of {name}"))
        return str(owner.client.post("/agents", body).data["id"])

    return make


@pytest.fixture
def budget(owner: Person) -> Callable[..., dict[str, Any]]:
    """Makes a budget of the organization."""

    def make(**fields: Any) -> dict[str, Any]:
        body = {"name": "Everything", "place": {"type": "organization"}, **fields}
        return dict(owner.client.post("/budgets", body).data)

    return make


@pytest.fixture
def run(app: App, owner: Person) -> Callable[..., dict[str, Any]]:
    """Runs an agent to its end; returns the execution."""

    def go(agent_id: str, client: Any = None, **body: Any) -> dict[str, Any]:
        queued = (client or owner.client).post(f"/agents/{agent_id}/execute", {"input": "Well?", **body}).data
        work_off(app)
        return dict(owner.client.get(f"/executions/{queued['id']}").data)

    return go


def current(owner: Person, budget: dict[str, Any]) -> dict[str, Any]:
    """What the budget says of its current period."""
    return dict(owner.client.get(f"/budgets/{budget['id']}").data["current"])


def events_of(owner: Person, name: str) -> list[dict[str, Any]]:
    """The data of the events of that name, the first one first."""
    items = owner.client.get(f"/activities?action={name}&sort=occurred_at&occurred_at[gte]=2020-01-01T00:00:00Z").data["items"]
    return [item["data"] for item in items]
