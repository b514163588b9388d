"""Engines of the provider, from their making to the run of an agent."""

from collections.abc import Mapping
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import World
from aasim_core.worker.runner import work_off


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """The operator has chosen a model."""
    return {"engine_llm.models": ["able"]}


@pytest.mark.long
def test_an_engine_needs_neither_key_nor_address(world: World) -> None:
    client = world.organization().client
    engine = {"name": "Able", "provider": "llm_bridge", "model": "able"}

    made = client.post("/engines", engine)
    assert (made.status, made.data["capabilities"]["tools"], made.data["has_api_key"]) == (201, "emulated", False)
    assert client.post("/engines", {**engine, "name": "B", "api_key": "k"}).data["has_api_key"] is True
    refused = client.post("/engines", {**engine, "name": "C", "base_url": "https://example.com"})
    assert refused.codes == {"base_url": ["url_not_allowed"]}


def test_an_agent_runs_on_a_model_of_llm(app: App, world: World, asked: Any) -> None:
    client = world.organization().client
    engine = client.post("/engines", {"name": "Able", "provider": "llm_bridge", "model": "able"}).data["id"]
    agent = client.post("/agents", {"name": "A", "engine_id": engine, "instructions": "Be brief."}).data["id"]

    execution = client.post(f"/agents/{agent}/execute", {"input": "Hello?"}).data["id"]
    work_off(app)

    ended = client.get(f"/executions/{execution}").data
    assert (ended["status"], ended["output"], ended["usage"]["cost"]) == ("succeeded", "Hello!", None)
    assert asked.prompts[0].system == "Be brief."


def test_a_test_of_a_model_that_was_not_chosen_says_so(world: World) -> None:
    client = world.organization().client
    engine = client.post("/engines", {"name": "Other", "provider": "llm_bridge", "model": "other"}).data["id"]

    error = client.post(f"/engines/{engine}/test").data["error"]

    assert (error["code"], error["message"]) == ("invalid_request", "the operator has not chosen other in engine_llm.models")
