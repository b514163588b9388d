"""A run is given up after three crashes without progress, and not after three in its whole life."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import system_scope
from aasim_core.data.records import database_of
from aasim_core.jobs.records import JobRow
from aasim_core.testing.world import Person

from .conftest import Shed, tool

Work = Callable[[], int]


def crashes_of_what_runs(*, after: int | None = None) -> int:
    """How often the job that runs has crashed its worker; `after` that, as if it had."""
    with system_scope("test"), database_of(JobRow).transaction():
        job = JobRow.get(JobRow.state == "running")
        if after is not None:
            JobRow.update(crash_count=after).where(JobRow.id == job.id).execute()
        return int(job.crash_count)


@pytest.fixture
def seen(shed: Shed) -> list[int]:
    """How often the job had crashed at the second call; at the first, it has crashed twice."""
    seen: list[int] = []
    shed.does["a"] = lambda use: crashes_of_what_runs(after=2)
    shed.does["b"] = lambda use: seen.append(crashes_of_what_runs())
    return seen


@pytest.mark.long
def test_in_a_chain_of_calls_the_end_of_one_is_progress(run: Any, seen: list[int]) -> None:
    run([tool("a", "a"), tool("b", "b")], "a>b")
    assert seen == [0]


@pytest.mark.long
def test_in_an_agent_the_end_of_a_step_is_progress(app: App, owner: Person, work: Work, seen: list[int]) -> None:
    [scripted, *_] = owner.client.get("/engines?provider=scripted").data["items"]
    calls: list[Any] = [{"tool_calls": [{"name": name, "arguments": {}}]} for name in ("a", "b")]
    tools = [{"ref": f"shed:{name}", "approval": "never"} for name in ("a", "b")]
    fields = {"name": "Caller", "engine_id": scripted["id"], "tools": tools, "parameters": {"replies": [*calls, "Done."]}}
    agent = owner.client.post("/agents", fields).data
    assert owner.client.post(f"/agents/{agent['id']}/execute", {"input": "Call."}).status == 202
    work()
    assert seen == [0]
