"""The database is away for a moment: what a worker has in hand is written when it is back, and nobody has to say what happened."""

from collections.abc import Iterator

import pytest

from ..cluster import Cluster, own_cluster
from ..deployment import Deployment, deployed_on, until
from ..invariants import violations
from ..till import RUNS, Payments, Till, begin_payments
from ..workbench import SETTINGS
from ..workload import execute, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.postgres]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of the test's own."""
    with own_cluster() as cluster:
        yield cluster


@pytest.fixture
def deployment(cluster: Cluster) -> Iterator[Deployment]:
    """An API and a worker on that server."""
    with deployed_on(cluster) as deployment:
        deployment.more.update(SETTINGS)
        deployment.start("serve")
        deployment.start("worker")
        yield deployment


@pytest.fixture
def payments(deployment: Deployment, till: Till) -> Payments:
    """Runs whose payments are under way."""
    return begin_payments(deployment, till)


def test_answers_that_come_after_a_restart_of_the_database_are_kept(cluster: Cluster, till: Till, payments: Payments) -> None:
    cluster.stop()
    cluster.start()
    till.may_answer.set()
    until(payments.are_over, "the end of the runs")
    assert payments.ends() == ["succeeded"] * RUNS
    assert len(till.taken) == RUNS


def test_answers_that_come_while_the_database_is_away_are_kept(
    cluster: Cluster, deployment: Deployment, till: Till, payments: Payments
) -> None:
    cluster.stop("immediate")
    till.may_answer.set()
    until(lambda: len(till.answered) == RUNS, "the answers")
    cluster.start()
    until(deployment.ready, "the database")
    until(payments.are_over, "the end of the runs")
    assert payments.ends() == ["succeeded"] * RUNS
    assert len(till.taken) == RUNS


def test_jobs_that_are_begun_around_a_restart_cost_no_attempt(cluster: Cluster, deployment: Deployment) -> None:
    client, history = prepare(deployment.port)
    deployment.stop("worker")
    for _ in range(60):
        execute(client, history)
    deployment.start("worker")
    until(lambda: deployment.rows("SELECT 1 FROM executions_execution WHERE status = 'succeeded'"), "the first run")
    cluster.stop()
    cluster.start()
    deployment.settle()
    assert deployment.rows("SELECT DISTINCT attempt FROM core_job WHERE name = 'executions.turn'") == [(1,)]
    assert violations(deployment, history) == []
    assert "no connection is open" not in deployment.log("worker").read_text()
