"""The disk of PostgreSQL's tables is full: requests get a clear 503, and nothing is lost when there is room again."""

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from ..cluster import Cluster, own_cluster
from ..deployment import Deployment, deployed_on, until
from ..disk import fill, small_disk
from ..invariants import violations
from ..till import RUNS, Till, begin_payments
from ..workbench import SETTINGS
from ..workload import Client, create, execute, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.postgres]
#: What no page that is there already has room for.
MUCH = 16_000


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of the test's own."""
    with own_cluster() as cluster:
        yield cluster


@pytest.fixture
def disk(cluster: Cluster) -> Iterator[Path]:
    """A small disk for its tables, without its write-ahead log: a server that cannot write that stops altogether."""
    with small_disk(cluster.folder / "disk", 128) as disk:
        cluster.own(disk)
        cluster.run(f"CREATE TABLESPACE small LOCATION '{disk}'")
        cluster.run("ALTER SYSTEM SET default_tablespace = 'small'")
        cluster.run("SELECT pg_reload_conf()")
        yield disk


@pytest.fixture
def deployment(cluster: Cluster, disk: Path) -> Iterator[Deployment]:
    """An API and a worker on that server."""
    with deployed_on(cluster) as deployment:
        deployment.more.update(SETTINGS)
        deployment.start("serve")
        deployment.start("worker")
        yield deployment


def test_a_full_disk_is_answered_503_and_nothing_is_half_written(deployment: Deployment, disk: Path) -> None:
    client, history = prepare(deployment.port)
    assert create(client, history).done and execute(client, history).done
    filler = fill(disk)
    status, answer = ask_for_much(client)
    assert (status, answer["errors"]["_"][0]["code"]) == (503, "storage_unavailable")
    assert client.ask("GET", "/api/v1/agents")[0] == 200
    filler.unlink()
    assert create(client, history).done and execute(client, history).done
    deployment.settle()
    assert violations(deployment, history) == []
    assert ask_for_much(client)[0] == 201


def ask_for_much(client: Client) -> tuple[int, Any]:
    """Ask for an agent that takes a lot of room."""
    return client.ask("POST", "/api/v1/agents", {"name": "Much", "instructions": token_hex(MUCH // 2)})


def test_answers_that_come_while_the_disk_is_full_are_kept(
    cluster: Cluster, deployment: Deployment, disk: Path, till: Till
) -> None:
    till.receipt = f'"{token_hex(MUCH // 2 - 1)}"'.encode()
    payments = begin_payments(deployment, till)
    filler = fill(disk)
    till.may_answer.set()
    until(lambda: len(till.answered) == RUNS and cluster.says("No space left on device"), "the first write that failed")
    filler.unlink()
    until(payments.are_over, "the end of the runs")
    assert payments.ends() == ["succeeded"] * RUNS
    assert len(till.taken) == RUNS
