"""A worker whose clock is wrong: schedules and runs go on, and its log says what to correct."""

import os
import shutil
from collections.abc import Iterator

import pytest

from ..deployment import Deployment, deployed, until
from ..invariants import violations
from ..workload import execute, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.postgres]
CLAIMED = "SELECT due_at FROM core_schedule_tick WHERE schedule = 'core.seal_events'"
SCHEDULED = "SELECT id FROM core_job WHERE name = 'core.seal_events'"


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    """An API on PostgreSQL, whose clock all machines share; with SQLite there is one machine."""
    with deployed("postgresql") as deployment:
        deployment.start("serve")
        yield deployment


def clock(offset: str) -> tuple[str, ...]:
    """A program that lets another one see the time so much later, or earlier."""
    program = shutil.which("faketime")
    if program is None:
        reason = "faketime is not installed (Debian: apt install faketime)"
        pytest.fail(f"{reason}, and in CI nothing may be left out") if os.environ.get("CI") else pytest.skip(reason)
    return (program, "-m", "--exclude-monotonic", "-f", offset)


def test_a_worker_whose_clock_is_ahead_silences_no_schedule(deployment: Deployment) -> None:
    deployment.start("worker", under=clock("+1h"))
    until(lambda: deployment.rows(CLAIMED), "the first due time that it claims")
    deployment.kill("worker")
    assert "the clock of this machine is ahead of the database's; correct it" in deployment.log("worker").read_text()
    begun = deployment.rows(SCHEDULED)
    deployment.start("worker")
    until(lambda: len(deployment.rows(SCHEDULED)) > len(begun), "a job that is due each minute", 180)


def test_the_doctor_finds_a_wrong_clock(deployment: Deployment) -> None:
    told = deployment.command("doctor", under=clock("+1h")).stdout
    assert "! clock_of_database: The clock of this machine and that of the database differ" in told


@pytest.mark.parametrize("offset", ["+1h", "-1h"])
def test_runs_go_on_with_a_worker_whose_clock_is_wrong(deployment: Deployment, offset: str) -> None:
    deployment.start("worker", under=clock(offset))
    client, history = prepare(deployment.port)
    run = execute(client, history)
    deployment.settle()
    found = client.ask("GET", f"/api/v1/executions/{run.id}")[1]["data"]
    assert min(found["queued_ms"], found["duration_ms"]) >= 0
    assert violations(deployment, history) == []
