"""An app with the plugin `lab`, which brings something for the hooks of others, and what tests make of its parts."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.selection import only
from aasim_core.testing.world import Answer, Person, World
from aasim_core.worker.runner import work_off

DROPINS = Path(__file__).parents[1] / "dropins"
Run = Callable[..., Any]


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """The lab, what it requires, and what runs agents."""
    return only(["lab", "executions", "engine_scripted"], DROPINS)


@pytest.fixture
def lab(app: App) -> ModuleType:
    """The plugin, which knows what it did."""
    return next(plugin.module for plugin in app.plugins.on if plugin.name == "lab")


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def did(app: App, lab: ModuleType, owner: Person) -> Callable[[], list[str]]:
    """What the lab did for the organization, each once."""
    return lambda: sorted(set(lab.done(app, owner.organization_id)))


@pytest.fixture
def run(app: App) -> Run:
    """Runs an agent; returns the execution."""

    def start(person: Person, agent: Mapping[str, Any], given: str = "hello") -> Any:
        execution = person.client.post(f"/agents/{agent['id']}/execute", {"input": given}).data
        work_off(app)
        return person.client.get(f"/executions/{execution['id']}").data

    return start


def engine_of(person: Person) -> str:
    """A new engine of the lab."""
    return str(person.client.post("/engines", {"name": "Lab", "provider": "lab", "model": "lab"}).data["id"])


def app_of(person: Person, key: str = "k-1234567") -> str:
    """A new connected app of the lab."""
    body = {"name": "Lab", "provider": "lab", "auth_type": "api_key", "config": {}, "credentials": {"key": key}}
    return str(person.client.post("/connected-apps", body).data["id"])


def rubric_of(person: Person, engine_id: str) -> str:
    """The path of a new rubric with the lab's grader."""
    criteria = [{"key": "good", "weight": 1, "grader": "lab"}]
    made = person.client.post(f"/engines/{engine_id}/rubrics", {"name": "Good", "criteria": criteria}).data
    return f"/engines/{engine_id}/rubrics/{made['id']}"


def agent_of(person: Person, *replies: Any, tools: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    """A new agent on the scripted engine with the lab's tools, or on another engine."""
    if "engine_id" not in fields:
        fields |= {"engine_id": person.client.get("/engines?provider=scripted").data["items"][0]["id"]}
        fields |= {"parameters": {"replies": list(replies)}}
    body = {"name": "A", "tools": [{"ref": ref} for ref in tools], **fields}
    return dict(person.client.post("/agents", body).data)


def call(name: str, text: str = "hello") -> dict[str, Any]:
    """A turn of the script that calls a tool."""
    return {"tool_calls": [{"name": name, "arguments": {"text": text}}]}


def told(answer: Answer, field: str) -> str:
    """The message of what is wrong with a field."""
    assert answer.status == 422, answer
    return str(answer.body["errors"][field][0]["message"])
