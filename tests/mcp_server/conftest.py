"""An organization with agents, and somebody who asks for tools without waiting for what they do."""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Answer, Client, Person, World
from aasim_core.worker.runner import work_off

Ask = Callable[..., Answer]


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Calls do not wait: the work is done in the test's own thread."""
    return {"mcp_server.wait_seconds": 0, "http.cors_origins": ["https://tools.example.com"]}


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def make_agent(owner: Person) -> Callable[..., dict[str, Any]]:
    """Makes an agent on the scripted engine that answers with `replies`."""
    engine = owner.client.get("/engines?provider=scripted").data["items"][0]["id"]

    def make(name: str, *replies: Any, **fields: Any) -> dict[str, Any]:
        parameters = {"replies": list(replies)} if replies else {}
        return dict(owner.client.post("/agents", {"name": name, "engine_id": engine, "parameters": parameters, **fields}).data)

    return make


@pytest.fixture
def rpc() -> Ask:
    """Sends one request as a client of an earlier revision does."""
    numbers = count(1)

    def ask(client: Client, method: str, params: Any = None, **headers: str) -> Answer:
        body = {"jsonrpc": "2.0", "id": next(numbers), "method": method, "params": params or {}}
        return client.post("/mcp-server", body, **headers)

    return ask


@pytest.fixture
def call(rpc: Ask) -> Callable[..., dict[str, Any]]:
    """Calls a tool; returns what came of it."""
    return lambda client, name, **arguments: dict(
        rpc(client, "tools/call", {"name": name, "arguments": arguments}).body["result"]
    )


@pytest.fixture
def work(app: App) -> Callable[[], int]:
    """Does every job that is due now; returns how many there were."""
    return lambda: work_off(app)
