"""Somebody else takes what the database has: its connections, or a table that every process needs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from ...bench.databases import run_on_server
from ..deployment import Deployment, deployed, until
from ..invariants import violations
from ..workload import Client, History, create, execute, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.postgres]


@pytest.fixture(scope="module")
def running() -> Iterator[Deployment]:
    """An API and a worker that log in by a role of their own, no superuser; a statement may take two seconds, and is tried for ten."""
    with deployed("postgresql") as deployment:
        role = deployment.database.role
        run_on_server(f"ALTER ROLE {role} LOGIN")
        url = urlsplit(deployment.database.url)
        deployment.more["AASIM_DATABASE_URL"] = url._replace(netloc=f"{role}@{url.netloc.rpartition('@')[2]}").geturl()
        deployment.more |= {"AASIM_DATABASE__STATEMENT_TIMEOUT_SECONDS": "2", "AASIM_WORKER__LEASE_SECONDS": "10"}
        deployment.start("serve")
        deployment.start("worker")
        yield deployment


@pytest.fixture(scope="module")
def asked(running: Deployment) -> tuple[Client, History]:
    """An organization, and everything that was asked for in it."""
    return prepare(running.port)


@pytest.fixture
def client(asked: tuple[Client, History]) -> Client:
    """Somebody of the organization."""
    return asked[0]


@pytest.fixture
def history(running: Deployment, asked: tuple[Client, History]) -> History:
    """What was asked for, when all of it has been done."""
    running.settle()
    return asked[1]


@contextmanager
def no_connections(deployment: Deployment) -> Iterator[None]:
    """Inside, the role has no connection, and gets none."""
    role = deployment.database.role
    run_on_server(f"ALTER ROLE {role} CONNECTION LIMIT 0")
    run_on_server(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'")
    try:
        yield
    finally:
        run_on_server(f"ALTER ROLE {role} CONNECTION LIMIT -1")


@contextmanager
def locked(deployment: Deployment, table: str) -> Iterator[None]:
    """Inside, a stranger holds the table, so that nobody else reads or writes it."""
    import psycopg

    with psycopg.connect(deployment.database.url) as stranger:
        stranger.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


def health(deployment: Deployment, path: str) -> tuple[int, list[str]]:
    """The status, and which checks fail."""
    status, answer = Client(deployment.port, "none").ask("GET", f"/api/v1/health/{path}")
    return status, [] if status == 200 else answer["errors"]["_"][0]["meta"]["failed"]


def test_without_connections_requests_are_answered_503(running: Deployment, client: Client, history: History) -> None:
    with no_connections(running):
        status, answer = client.ask("GET", "/api/v1/agents")
        assert (status, answer["errors"]["_"][0]["code"]) == (503, "storage_unavailable")
    assert create(client, history).done


def test_without_connections_a_process_lives_and_is_not_ready_until_there_are_some_again(running: Deployment) -> None:
    with no_connections(running):
        assert health(running, "live") == (200, [])
        assert health(running, "ready") == (503, ["database"])
    until(lambda: health(running, "ready") == (200, []), "connections")


def test_work_that_waits_for_connections_is_done_when_there_are_some_again(
    running: Deployment, client: Client, history: History
) -> None:
    for _ in range(10):
        execute(client, history)
    seen = running.log("worker").stat().st_size
    with no_connections(running):
        until(lambda: b"too many connections" in running.log("worker").read_bytes()[seen:], "a connection that is refused")
    running.settle()
    assert violations(running, history) == []


def test_a_locked_table_is_answered_503_within_the_statements_time(running: Deployment, client: Client, history: History) -> None:
    with locked(running, "agents_agent"):
        status, answer = client.ask("GET", "/api/v1/agents")  # who gives up after a minute
        assert (status, answer["errors"]["_"][0]["code"]) == (503, "busy")
        assert health(running, "live") == (200, [])
    assert client.ask("GET", "/api/v1/agents")[0] == 200


def test_what_was_asked_for_while_a_table_was_locked_is_there_once(running: Deployment, client: Client, history: History) -> None:
    asking = threading.Thread(target=create, args=(client, history))
    with locked(running, "agents_agent"):
        asking.start()
        until(lambda: any(each.refusals for each in history.of("create")), "the first refusal")
    asking.join(120)
    running.settle()
    assert violations(running, history) == []


def test_runs_whose_steps_cannot_be_written_for_a_locked_table_end_once(
    running: Deployment, client: Client, history: History
) -> None:
    seen = running.log("worker").stat().st_size
    with locked(running, "executions_step"):
        for _ in range(5):
            execute(client, history)
        until(lambda: b"statement timeout" in running.log("worker").read_bytes()[seen:], "a statement that takes too long")
    running.settle()
    assert violations(running, history) == []
