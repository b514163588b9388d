"""How long a call waits for what it has begun."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person
from aasim_plugins.executions import states
from aasim_plugins.mcp_server.tools import RESULT

from ..executions.reaching import bring

_LONG, _AT_ONCE = 60, 30


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Calls wait as long as they may."""
    return {"mcp_server.wait_seconds": _LONG}


def begin(owner: Person, agent: Mapping[str, Any]) -> str:
    return str(owner.client.post(f"/agents/{agent['id']}/execute", {"input": "Go."}).data["id"])


@pytest.mark.long
def test_a_run_that_waits_for_a_person_is_not_waited_for(
    app: App, owner: Person, make_agent: Callable[..., Any], call: Callable[..., Any]
) -> None:
    execution_id = begin(owner, make_agent("Careful", "x"))
    with organization_scope(owner.organization_id), app.database.transaction():
        bring(execution_id, states.WAITING, waiting_for="approval")
    start = time.monotonic()

    result = call(owner.client, RESULT, execution_id=execution_id)

    assert time.monotonic() - start < _AT_ONCE
    assert result["content"][0]["text"].startswith(f"The run {execution_id} waits for approval. Call {RESULT}")
    assert "isError" not in result


def test_a_run_that_has_ended_is_answered_at_once(
    owner: Person, make_agent: Callable[..., Any], call: Callable[..., Any], work: Callable[[], int]
) -> None:
    execution_id = begin(owner, make_agent("Quick", "Done."))
    work()
    start = time.monotonic()

    result = call(owner.client, RESULT, execution_id=execution_id)

    assert time.monotonic() - start < _AT_ONCE
    assert result["content"] == [{"type": "text", "text": "Done."}]


def test_a_server_that_is_to_stop_waits_for_nothing(
    app: App, owner: Person, make_agent: Callable[..., Any], call: Callable[..., Any]
) -> None:
    make_agent("Slow", "x")
    app.draining.set()
    start = time.monotonic()

    result = call(owner.client, "slow", input="Go.")
    app.draining.clear()

    assert time.monotonic() - start < _AT_ONCE
    assert "has not ended yet" in result["content"][0]["text"]
