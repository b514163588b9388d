"""One installation of Aasim as real processes: an API, a worker, their database and queue; to be killed and started again."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from ..bench import processes
from ..bench.databases import Database
from ..bench.probe import connected
from .cluster import Cluster
from .templates import migrated

COMMAND = str(Path(sys.executable).with_name("aasim"))
#: A dead worker's jobs are taken over at once on its own machine. A lease that ends soon would end on a busy machine, too, or while a
#: database starts, and a living worker would lose its jobs.
STEADY = {
    "AASIM_WORKER__LEASE_SECONDS": "30", "AASIM_WORKER__HEARTBEAT_SECONDS": "1",
    "AASIM_DATABASE__POOL_WAIT_SECONDS": "15", "AASIM_RATE_LIMITS": "off",
    "AASIM_AUTH__REGISTRATION": "open", "AASIM_PLUGINS__ENABLED": '["witness"]',
    "AASIM_PLUGINS__FOLDER": str(Path(__file__).parent / "plugins"),
}  # fmt: skip


@dataclass
class Deployment:
    """The processes on one data folder; each can be ended and started by itself."""

    database: Database
    queue_url: str
    port: int
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    #: Further settings of every process.
    more: dict[str, str] = field(default_factory=dict)

    @property
    def witnessed(self) -> Path:
        """Where the witness plugin writes the id of each event that reached it."""
        return self.database.folder / "witnessed.txt"

    @property
    def settings(self) -> Mapping[str, str]:
        """The environment of every process."""
        return {
            **self.database.settings, **STEADY, "AASIM_QUEUE_URL": self.queue_url, "AASIM_BIND": f"127.0.0.1:{self.port}",
            "WITNESS_FILE": str(self.witnessed), **self.more,
        }  # fmt: skip

    def log(self, name: str) -> Path:
        """The output of the process `name`."""
        return self.database.folder / f"{name}.log"

    def command(self, *arguments: str, under: Sequence[str] = ()) -> "subprocess.CompletedProcess[str]":
        """Run `aasim` with arguments to its end, perhaps `under` another program."""
        return subprocess.run(
            [*under, COMMAND, *arguments], env=processes.environment(self.settings), capture_output=True, text=True, check=False
        )

    def start(self, name: str, *, under: Sequence[str] = (), wait: bool = True, **more: str) -> "subprocess.Popen[bytes]":
        """Start `serve` or `worker`, perhaps `under` another program, with more settings; an API is waited for."""
        process = processes.spawn([*under, COMMAND, name], {**self.settings, **more}, self.log(name))
        self.running[name] = process
        if name == "serve" and wait:
            processes.eventually(self.ready, "the start of the API")
        return process

    def start_api(self, name: str, port: int, *, under: Sequence[str] = (), **more: str) -> None:
        """Start a further API server on another port, perhaps `under` another program, with more settings, and wait until it is ready."""
        settings = {**self.settings, "AASIM_BIND": f"127.0.0.1:{port}", **more}
        self.running[name] = processes.spawn([*under, COMMAND, "serve"], settings, self.log(name))
        processes.eventually(lambda: processes.answers(port, "/api/v1/health/ready"), f"the start of {name}")

    def ready(self) -> bool:
        """Whether the API wants requests."""
        return processes.answers(self.port, "/api/v1/health/ready")

    def kill(self, name: str) -> None:
        """End a process and its children without warning."""
        processes.kill(self.running.pop(name))

    def stop(self, name: str, grace: float = 120) -> int:
        """Ask a process to stop; its exit code."""
        return processes.end(self.running.pop(name), grace)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query, past the tenant scope."""
        connection = connected(self.database.url)
        try:
            return list(connection.execute(sql))
        finally:
            connection.close()

    def unfinished(self) -> dict[str, int]:
        """What a worker has still to do: executions that are not over and do not wait, and jobs that are due."""
        executions = self.rows("SELECT count(*) FROM executions_execution WHERE status IN ('queued', 'running', 'cancelling')")
        jobs = self.rows(f"SELECT count(*) FROM core_job WHERE state = 'running' OR (state = 'queued' AND run_at < '{soon()}')")
        return {"executions": executions[0][0], "jobs": jobs[0][0]}

    def settle(self, seconds: float = 180) -> None:
        """Wait until nothing is left to do; TimeoutError that says what is left."""
        try:
            processes.eventually(lambda: not any(self.unfinished().values()), "rest", seconds=seconds, pause=0.1)
        except TimeoutError:
            left = json.dumps(self.unfinished())
            raise TimeoutError(f"after {seconds:g} s there is still {left}; {processes.tail(self.log('worker'))}") from None


@contextmanager
def deployed(kind: str, queue_url: str | None = None) -> Iterator[Deployment]:
    """A migrated installation without processes, on `sqlite`, or on `postgresql` with the queue at `queue_url`."""
    with migrated(kind, _migrate) as database, installed(database, queue_url) as deployment:
        yield deployment


@contextmanager
def deployed_on(cluster: Cluster, **more: str) -> Iterator[Deployment]:
    """A migrated installation without processes, in a database of the test's own server; `more` are settings of every process."""
    cluster.run("CREATE DATABASE aasim")
    cluster.run("CREATE ROLE aasim_app NOLOGIN")
    with TemporaryDirectory(prefix="aasim-faults-") as folder:
        database = Database("postgresql", f"{cluster.url.rpartition('/')[0]}/aasim", Path(folder), "aasim_app")
        with installed(database, more=more) as deployment:
            _migrate(database)
            yield deployment


@contextmanager
def installed(
    database: Database, queue_url: str | None = None, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Deployment]:
    """An installation on the database, whose processes end with the body."""
    queue = queue_url or f"sqlite:///{database.folder / 'queue.db'}"
    deployment = Deployment(database, queue, processes.free_port(), more=dict(more))
    try:
        yield deployment
    finally:
        for name in list(deployment.running):
            deployment.kill(name)


def _migrate(database: Database) -> None:
    with installed(database) as deployment:
        done = deployment.command("migrate")
    if done.returncode:
        raise RuntimeError(done.stderr)


def until(check: Callable[[], object], what: str, seconds: float = 120, pause: float = 0.02) -> None:
    """Wait for a condition."""
    processes.eventually(check, what, seconds=seconds, pause=pause)


def soon() -> str:
    """A minute from now, as the database writes times; later work is scheduled, not left over."""
    return (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
