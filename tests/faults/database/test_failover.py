"""The primary is lost, and its standby is promoted: whoever names both servers goes on, and loses nothing that was answered."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ..cluster import Cluster, own_cluster, standby_of
from ..deployment import Deployment, deployed_on, until
from ..invariants import violations
from ..till import RUNS, Till, begin_payments
from ..workbench import SETTINGS
from ..workload import create, execute, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.postgres]


@pytest.fixture
def primary() -> Iterator[Cluster]:
    """A PostgreSQL server of the test's own."""
    with own_cluster() as cluster:
        yield cluster


@pytest.fixture
def standby(primary: Cluster) -> Iterator[Cluster]:
    """Another one, which follows it."""
    with standby_of(primary) as cluster:
        yield cluster


@pytest.fixture
def deployment(primary: Cluster, standby: Cluster) -> Iterator[Deployment]:
    """An API and a worker whose URL names both servers, as docs/operate/database.md says."""
    with deployed_on(primary) as deployment:
        servers = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        url = f"postgresql://postgres@{servers}/aasim?target_session_attrs=read-write"
        deployment.database = replace(deployment.database, url=url)
        deployment.more.update(SETTINGS)
        deployment.start("serve")
        deployment.start("worker")
        yield deployment


def test_after_a_failover_requests_and_runs_go_on_at_the_new_primary(
    primary: Cluster, standby: Cluster, deployment: Deployment
) -> None:
    client, history = prepare(deployment.port)
    assert create(client, history).done and execute(client, history).done
    primary.stop("immediate")
    status, answer = client.ask("POST", "/api/v1/agents", {"name": "Refused"})
    assert (status, answer["errors"]["_"][0]["code"]) == (503, "storage_unavailable")
    standby.promote()
    assert create(client, history).done and execute(client, history).done
    deployment.settle()
    assert violations(deployment, history) == []


def test_answers_that_come_during_a_failover_are_kept(
    primary: Cluster, standby: Cluster, deployment: Deployment, till: Till
) -> None:
    payments = begin_payments(deployment, till)
    primary.stop("immediate")
    till.may_answer.set()
    until(lambda: len(till.answered) == RUNS, "the answers")
    standby.promote()
    until(payments.are_over, "the end of the runs")
    assert payments.ends() == ["succeeded"] * RUNS
    assert len(till.taken) == RUNS
