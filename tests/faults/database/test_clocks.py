"""A worker or an API whose clock is wrong: schedules and runs go on, and what looks at clocks says what to correct."""

import os
import shutil
from collections.abc import Iterator

import pytest

from ...bench.processes import free_port
from ..deployment import Deployment, deployed, until
from ..invariants import violations
from ..workload import Client, create, execute, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.postgres]
CLAIMED = "SELECT due_at FROM core_schedule_tick WHERE schedule = 'core.seal_events'"
SCHEDULED = "SELECT id FROM core_job WHERE name = 'core.seal_events'"


@pytest.fixture
def installed() -> Iterator[Deployment]:
    """An installation on PostgreSQL, whose clock all machines share; with SQLite there is one machine."""
    with deployed("postgresql") as deployment:
        yield deployment


@pytest.fixture
def deployment(installed: Deployment) -> Deployment:
    """The same with an API."""
    installed.start("serve")
    return installed


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


@pytest.fixture(params=["+1h", "-1h"])
def wrong(request: pytest.FixtureRequest, installed: Deployment) -> Deployment:
    """The same with an API whose clock is wrong, and a worker whose clock is right."""
    installed.start("serve", under=clock(request.param))
    installed.start("worker")
    return installed


def test_what_is_asked_of_an_api_whose_clock_is_wrong_is_done_and_told(wrong: Deployment) -> None:
    client, history = prepare(wrong.port)
    run = execute(client, history)
    create(client, history)
    wrong.settle()
    found = client.ask("GET", f"/api/v1/executions/{run.id}")[1]["data"]
    assert min(found["queued_ms"], found["duration_ms"]) >= 0
    assert violations(wrong, history) == []


def test_health_finds_the_wrong_clock_of_an_api(wrong: Deployment) -> None:
    made = wrong.command("admin", "create", "--email", "ada@example.org", "--generate")
    password = made.stdout.split()[-1]
    client = Client(wrong.port, "none")
    status, answer = client.ask("POST", "/api/v1/auth/login", {"email": "ada@example.org", "password": password})
    assert status == 200, (answer, made.stdout)
    found = Client(wrong.port, answer["data"]["access_token"]).ask("GET", "/api/v1/health/deep")[1]["data"]
    assert found["checks"]["clock_of_database"]["ok"] is False


def test_an_api_whose_clock_is_ahead_refuses_tokens_of_the_others_and_takes_their_keys(deployment: Deployment) -> None:
    client, _ = prepare(deployment.port)
    status, answer = client.ask("POST", "/api/v1/api-keys", {"name": "Key", "scopes": ["agents:read"]})
    assert status == 201, answer
    port = free_port()
    deployment.start_api("ahead", port, under=clock("+1h"))
    told = {each: Client(port, each).ask("GET", "/api/v1/agents")[0] for each in (client.token, answer["data"]["key"])}
    assert list(told.values()) == [401, 200]
