"""What health says while the database is away, takes no writes, or has no room."""

import os
import signal
from collections.abc import Iterator
from threading import Thread

import pytest

from ...bench.processes import children
from .. import strace
from ..cluster import Cluster, own_cluster
from ..deployment import Deployment, deployed_on, until
from ..workload import Client, prepare
from .test_disk_full import files

pytestmark = [pytest.mark.long, pytest.mark.faults]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of the test's own."""
    with own_cluster() as cluster:
        yield cluster


@pytest.fixture
def on_cluster(cluster: Cluster) -> Iterator[Deployment]:
    """An API on that server."""
    with deployed_on(cluster) as deployment:
        deployment.start("serve")
        yield deployment


def health(deployment: Deployment, path: str) -> tuple[int, list[str]]:
    """The status, and which checks fail."""
    status, answer = Client(deployment.port, "none").ask("GET", f"/api/v1/health/{path}")
    return status, [] if status == 200 else answer["errors"]["_"][0]["meta"]["failed"]


@pytest.mark.postgres
def test_a_process_lives_while_its_database_is_away(cluster: Cluster, on_cluster: Deployment) -> None:
    prepare(on_cluster.port)
    cluster.stop()
    assert health(on_cluster, "live") == (200, [])
    assert health(on_cluster, "ready") == (503, ["database"])
    cluster.start()
    until(lambda: health(on_cluster, "ready") == (200, []), "the database")


@pytest.mark.postgres
def test_a_process_that_starts_while_the_database_is_away_ends_nothing_but_itself(
    cluster: Cluster, on_cluster: Deployment
) -> None:
    cluster.stop()
    for serving in children(on_cluster.running["serve"].pid):
        os.kill(serving, signal.SIGKILL)
    log = on_cluster.log("serve")
    until(lambda: "the process starts again" in log.read_text(), "a start in vain")
    cluster.start()
    until(on_cluster.ready, "the database")


@pytest.mark.postgres
def test_a_server_that_takes_no_writes_is_answered_503(cluster: Cluster, on_cluster: Deployment) -> None:
    client, _ = prepare(on_cluster.port)
    cluster.stop()
    cluster.start(default_transaction_read_only="on")
    assert health(on_cluster, "ready") == (503, ["database"])
    status, answer = client.ask("POST", "/api/v1/agents", {"name": "Refused"})
    assert (status, answer["errors"]["_"][0]["code"]) == (503, "storage_unavailable")
    assert client.ask("GET", "/api/v1/agents")[0] == 200
    refused = on_cluster.command("worker")
    assert refused.returncode == 75
    assert "the database takes no writes" in refused.stderr
    cluster.stop()
    cluster.start()
    assert client.ask("POST", "/api/v1/agents", {"name": "Taken"})[0] == 201


@pytest.mark.postgres
def test_a_commit_in_doubt_does_not_say_that_nothing_was_changed(cluster: Cluster, on_cluster: Deployment) -> None:
    client, _ = prepare(on_cluster.port)
    cluster.stop()
    cluster.start(synchronous_standby_names="nobody")
    until(on_cluster.ready, "the database")
    with Asking(client, "Doubtful") as asking:
        until(lambda: waits_for_a_standby(cluster), "the commit")
        cluster.stop("immediate")
    cluster.start()
    status, answer = asking.answer
    assert (status, "nothing was changed" in answer["message"], "not confirmed" in answer["message"]) == (503, False, True)
    until(on_cluster.ready, "the database")
    assert [agent["name"] for agent in client.ask("GET", "/api/v1/agents?q=Doubtful")[1]["data"]["items"]] == ["Doubtful"]


@pytest.mark.usefixtures("needs_strace")
def test_a_process_whose_disk_is_full_is_not_ready(on_sqlite: Deployment) -> None:
    on_sqlite.start("serve")
    serving = children(on_sqlite.running["serve"].pid)
    with strace.attached(serving, on_sqlite.database.folder, *strace.full_disk(*files(on_sqlite))):
        assert health(on_sqlite, "live") == (200, [])
        assert health(on_sqlite, "ready") == (503, ["database"])
    assert health(on_sqlite, "ready") == (200, [])


def waits_for_a_standby(cluster: Cluster) -> bool:
    """Whether a commit waits for a standby that is not there."""
    return cluster.ask("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = 'aasim'") != []


class Asking:
    """A request that is under way inside, and answered at the end."""

    def __init__(self, client: Client, name: str) -> None:
        self._thread = Thread(target=lambda: self._ask(client, name))

    def _ask(self, client: Client, name: str) -> None:
        self.answer = client.ask("POST", "/api/v1/agents", {"name": name})

    def __enter__(self) -> "Asking":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(120)
