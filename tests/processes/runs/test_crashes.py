"""Workers that die, and plugins that are turned off, while executions run and wait."""

import json
from pathlib import Path
from typing import Any

import pytest

from aasim_core.testing.selection import without

from ..client import Client
from ..conftest import Install
from ..installation import Installation, Process

PLUGINS = Path(__file__).parent / "plugins"
CALL = {"text": "Let me look.", "tool_calls": [{"name": "look", "arguments": {}}]}


def steps(installation: Installation, execution: str) -> list[tuple[Any, ...]]:
    return installation.rows(
        "SELECT number, name, started_at FROM executions_step WHERE execution_id = ? ORDER BY number", execution
    )


def test_a_run_whose_worker_is_killed_goes_on_in_the_next_from_its_last_step(installation: Installation) -> None:
    installation.serve()
    ada = installation.visitor.register()
    # Its second turn takes longer than the first worker lives.
    execution = ada.execute(ada.agent(CALL, {**CALL, "delay_seconds": 8}, "Done."))
    first = installation.start("worker")
    follower = ada.follow(f"/executions/{execution}/logs")
    heard = [next(follower), next(follower)]
    ada.becomes(execution, "running")
    first.kill()
    before = steps(installation, execution)
    installation.start("worker")
    ended = ada.becomes(execution, "succeeded")
    after = steps(installation, execution)
    assert before and after[: len(before)] == before
    assert [row[:2] for row in after] == [(1, "engine"), (2, "tool:look"), (3, "engine"), (4, "tool:look"), (5, "engine")]
    assert (ended["output"], ended["attempt"]) == ("Done.", 1)
    numbers = [int(event["id"]) for event in [*heard, *follower] if "id" in event]
    assert numbers == list(range(1, len(numbers) + 1))


def deadly(installation: Installation, **parameters: Any) -> tuple[Client, str]:
    """A new person, and the id of their agent on the engine of the drop-in plugin."""
    ada = installation.visitor.register()
    [engine] = ada.get("/engines?provider=deadly").data["items"]
    answer = ada.post("/agents", {"name": "Deadly", "engine_id": engine["id"], "parameters": parameters})
    assert answer.status == 201, answer
    return ada, answer.data["id"]


@pytest.fixture
def dangerous(install: Install) -> Installation:
    """An installation with an engine that kills its worker; its API runs."""
    installation = install(AASIM_PLUGINS__FOLDER=str(PLUGINS), AASIM_PLUGINS__ENABLED='["deadly"]')
    installation.serve()
    return installation


def worker_dies(installation: Installation) -> Process:
    worker = installation.start("worker")
    assert worker.popen.wait(120) == -9, worker.output
    return worker


def test_a_run_that_kills_its_worker_three_times_fails_and_its_neighbour_is_done(dangerous: Installation) -> None:
    ada, agent = deadly(dangerous, deed="kill")
    poison, neighbour = ada.execute(agent), ada.execute(ada.agent("Done."))
    for _ in range(3):
        worker_dies(dangerous)
    survivor = dangerous.start("worker")
    failed = ada.becomes(poison, "failed")
    assert (failed["error"]["code"], failed["error"]["retryable"]) == ("worker_crash_loop", False)
    ada.becomes(neighbour, "succeeded")
    assert survivor.popen.poll() is None
    assert survivor.stop() == 0


def test_a_failure_that_nobody_foresaw_is_told_without_its_details(dangerous: Installation) -> None:
    ada, agent = deadly(dangerous, deed="raise")
    worker = dangerous.start("worker")
    execution = ada.execute(agent)
    failed = ada.becomes(execution, "failed")
    assert failed["error"]["code"] == "plugin_failed"
    told = f"{failed}{ada.get(f'/executions/{execution}/logs').body}"
    assert "own bug" not in told and "ValueError" not in told
    assert '"plugin":"deadly"' in worker.output and '"event":"a plugin failed"' in worker.output
    worker.stop()
    worker.log.unlink()  # it tells the whole story, as it should


def test_runs_of_a_plugin_that_is_off_wait_visibly_until_it_is_on_again(installation: Installation) -> None:
    installation.serve()
    ada = installation.visitor.register()
    waiting = [ada.execute(ada.agent("Done.")) for _ in range(3)]
    cancelled = ada.execute(ada.agent("Done."))
    off = without({"plugins.enabled": [], "plugins.disabled": ["engine_local"]}, "executions")["plugins.disabled"]
    lacking = installation.start("worker", AASIM_PLUGINS__DISABLED=json.dumps(off))
    lacking.says("a job is parked")
    assert ada.post(f"/executions/{cancelled}/cancel").data["status"] == "cancelled"
    assert [ada.execution(execution)["status"] for execution in waiting] == ["queued"] * 3
    listed = installation.run("jobs", "list").stdout
    assert "executions.turn" in listed and "parked" in listed
    lacking.stop()
    installation.start("worker")
    for execution in waiting:
        assert ada.becomes(execution, "succeeded")["output"] == "Done."
    assert ada.execution(cancelled)["status"] == "cancelled"
