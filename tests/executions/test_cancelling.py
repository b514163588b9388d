"""Cancelling runs: what is answered, what is told of it, and what becomes of what they had begun."""

from collections.abc import Callable
from typing import Any

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person
from aasim_plugins.executions import states
from aasim_plugins.executions.models import Execution

Make = Callable[..., dict[str, Any]]


def start(app: App, person: Person, agent: dict[str, Any], *, status: str = states.QUEUED) -> str:
    """A run of the agent in that state; returns its path."""
    execution = person.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data
    if status != states.QUEUED:
        with organization_scope(person.organization_id), app.database.transaction():
            assert states.move(Execution.get_by_id(execution["id"]), status)
    return f"/executions/{execution['id']}"


def test_cancelling_what_is_about_to_end_changes_nothing(app: App, owner: Person, scripted: Make) -> None:
    path = start(app, owner, scripted("x"), status=states.RUNNING)
    first, second = owner.client.post(f"{path}/cancel"), owner.client.post(f"{path}/cancel")
    assert (first.status, first.data["status"]) == (202, "cancelling")
    assert (second.status, second.data) == (200, first.data)
