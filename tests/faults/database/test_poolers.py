"""A pooler before PostgreSQL: by session it works, and one that mixes up the settings of sessions is refused at the start."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ...bench.processes import eventually, free_port, kill
from ..cluster import Cluster, own_cluster
from ..deployment import Deployment, deployed_on
from ..workload import create, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.postgres]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of these tests' own."""
    with own_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def deployment(cluster: Cluster) -> Iterator[Deployment]:
    """A migrated installation without processes."""
    with deployed_on(cluster) as deployment:
        yield deployment


@contextmanager
def pooled(cluster: Cluster, deployment: Deployment, **settings: str) -> Iterator[None]:
    """Let the deployment connect through a PgBouncer with these settings."""
    program = shutil.which("pgbouncer")
    assert program, "PgBouncer is not installed (Debian: apt install pgbouncer)"
    port, folder = free_port(), cluster.folder / "pooler"
    folder.mkdir(exist_ok=True)
    more = {"listen_addr": "127.0.0.1", "listen_port": str(port), "unix_socket_dir": "", "auth_type": "any"}
    lines = [f"{name} = {value}" for name, value in {**more, **settings}.items()]
    database = f"* = host=127.0.0.1 port={cluster.port} user=postgres"
    file = folder / "pgbouncer.ini"
    file.write_text("\n".join(["[databases]", database, "[pgbouncer]", *lines]))
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*as_user, program, str(file)], stdout=log, stderr=log, start_new_session=True, cwd="/")
    try:
        eventually(lambda: _listens(port), f"the start of PgBouncer: {(folder / 'log').read_text()}")
        deployment.more["AASIM_DATABASE_URL"] = f"postgresql://postgres@127.0.0.1:{port}/aasim"
        yield
    finally:
        kill(process)


def _listens(port: int) -> bool:
    import psycopg

    try:
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/aasim", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_pooler_by_session_works(cluster: Cluster, deployment: Deployment) -> None:
    with pooled(cluster, deployment, pool_mode="session"):
        deployment.start("serve")
        client, history = prepare(deployment.port)
        assert create(client, history).done
        deployment.kill("serve")


@pytest.mark.parametrize("process", ["serve", "worker"])
def test_a_pooler_by_transaction_is_refused_at_the_start(cluster: Cluster, deployment: Deployment, process: str) -> None:
    with pooled(cluster, deployment, pool_mode="transaction", ignore_startup_parameters="options"):
        refused = deployment.command(process)
    assert refused.returncode == 78
    assert "loses or mixes up the settings of sessions" in refused.stderr


def test_the_doctor_finds_a_pooler_by_transaction(cluster: Cluster, deployment: Deployment) -> None:
    with pooled(cluster, deployment, pool_mode="transaction", ignore_startup_parameters="options"):
        told = deployment.command("doctor")
    assert (told.returncode, "✗ session_settings: a pooler between Aasim and PostgreSQL" in told.stdout) == (1, True)


def test_what_the_pooler_says_is_passed_on(cluster: Cluster, deployment: Deployment) -> None:
    with pooled(cluster, deployment, pool_mode="session"):
        url = deployment.more["AASIM_DATABASE_URL"].replace("/aasim", "/nowhere")
        refused = deployment.command("--set", f"database.url={url}", "worker")
    assert refused.returncode == 78
    assert 'the server says: database "nowhere" does not exist' in refused.stderr
