"""What the processes lean on is locked, flushed or gone for a while: work waits, and none is lost."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ...bench.databases import run_on_server
from ...bench.probe import connected
from ...bench.processes import eventually, free_port, kill
from ..deployment import Deployment, deployed
from ..invariants import violations
from ..workload import create, execute, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults]


def test_a_database_that_somebody_else_locks_is_answered_503_and_then_works_again(on_sqlite: Deployment) -> None:
    on_sqlite.start("serve")
    client, history = prepare(on_sqlite.port)
    intruder = connected(on_sqlite.database.url)
    intruder.execute("BEGIN IMMEDIATE")
    status, answer = client.ask("POST", "/api/v1/agents", {"name": "Blocked"})
    assert (status, answer["errors"]["_"][0]["code"]) in [(503, "busy"), (503, "storage_unavailable")]
    assert client.ask("GET", "/api/v1/agents")[0] == 200
    intruder.execute("ROLLBACK")
    intruder.close()
    assert create(client, history).done
    on_sqlite.start("worker")
    on_sqlite.settle()
    assert violations(on_sqlite, history) == []


@pytest.mark.postgres
@pytest.mark.redis
def test_connections_that_the_database_server_drops_lose_nothing(redis_url: str) -> None:
    with deployed("postgresql", redis_url) as deployment:
        deployment.start("serve")
        client, history = prepare(deployment.port)
        deployment.start("worker")
        execute(client, history)
        deployment.settle()
        for _ in range(5):
            execute(client, history)
            name = deployment.database.url.rpartition("/")[2]
            run_on_server(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            create(client, history)
        deployment.settle()
        assert violations(deployment, history) == []


@pytest.mark.postgres
@pytest.mark.redis
def test_a_flushed_queue_loses_no_work(redis_url: str) -> None:
    import redis

    with deployed("postgresql", redis_url) as deployment:
        deployment.start("serve")
        client, history = prepare(deployment.port)
        for _ in range(10):
            execute(client, history)
            redis.Redis.from_url(redis_url).flushdb()
        deployment.start("worker")
        deployment.settle()
        assert violations(deployment, history) == []


@pytest.mark.postgres
@pytest.mark.redis
def test_a_queue_that_is_gone_delays_work_by_seconds_and_loses_none(tmp_path: Path) -> None:
    port = free_port()
    with deployed("postgresql", f"redis://127.0.0.1:{port}/0") as deployment:
        with own_redis(port, tmp_path):
            deployment.start("serve")
            client, history = prepare(deployment.port)
            deployment.start("worker")
            execute(client, history)
            deployment.settle()
        for _ in range(5):
            assert execute(client, history).done
        deployment.settle()
        with own_redis(port, tmp_path):
            assert execute(client, history).done
            deployment.settle()
        assert violations(deployment, history) == []


@contextmanager
def own_redis(port: int, folder: Path) -> Iterator[None]:
    """A Redis server of the test's own, killed at the end."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed here")
    command = [program, "--port", str(port), "--dir", str(folder), "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        import redis

        eventually(lambda: _pings(redis.Redis(port=port)), "the start of Redis")
        yield
    finally:
        kill(server)


def _pings(client: object) -> bool:
    import redis

    try:
        return bool(client.ping())  # type: ignore[attr-defined]
    except redis.ConnectionError:
        return False
