"""Aasim itself as a contestant: migrated, registered with over its own API, filled through its own records."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import processes
from ..databases import REDIS, Database, forget_queues
from ..load.web import call
from .handmade import ROOT, Service
from .shape import OTHER, READER, ROWS, WRITER

COMMAND = str(Path(sys.executable).with_name("aasim"))
PASSWORD = "correct horse battery staple of the benches"
#: The limiter counts every request, and never refuses one.
UNREACHED = {
    f"AASIM_RATE_LIMITS__{name}": "100000000"
    for name in (
        "ANONYMOUS_PER_MINUTE",
        "PRINCIPAL_PER_MINUTE",
        "ORGANIZATION_PER_MINUTE",
        "LOGIN_PER_ACCOUNT",
        "LOGIN_PER_NETWORK",
    )
}


@dataclass(frozen=True)
class Aasim:
    """The product with every bundled plugin on; `queue` is `sqlite` or `redis`; `worker` says whether one runs too."""

    name: str = "aasim"
    title: str = "Aasim"
    queue: str = "sqlite"
    worker: bool = False
    rows: int = ROWS
    settings: Mapping[str, str] = field(default_factory=dict)

    def prepare(self, database: Database) -> None:
        subprocess.run(
            [COMMAND, "migrate"], env=processes.environment(self.settings_for(database)), check=True, stdout=subprocess.DEVNULL
        )
        with self._running(database, worker=False) as (port, _):
            for organization in (READER, OTHER, WRITER):
                register(port, organization)
        for organization in (READER, OTHER):
            fill(self.settings_for(database), organization, self.rows)

    @contextmanager
    def serving(self, database: Database) -> Iterator[Service]:
        forget_queues()
        with self._running(database, worker=self.worker) as (port, started):
            yield Service(port, login(port, READER), login(port, WRITER), started, "executions_execution")

    @contextmanager
    def _running(self, database: Database, *, worker: bool) -> Iterator[tuple[int, list["subprocess.Popen[bytes]"]]]:
        port = processes.free_port()
        commands = [[COMMAND, "serve"], *([[COMMAND, "worker"]] if worker else [])]
        settings = {**self.settings_for(database), "AASIM_BIND": f"127.0.0.1:{port}"}
        ready = lambda: processes.answers(port, "/api/v1/health/live")  # noqa: E731
        with processes.running(commands, settings, database.folder / f"{self.name}.log", ready) as started:
            yield port, started

    def settings_for(self, database: Database) -> dict[str, str]:
        """The environment of its processes."""
        queue = REDIS if self.queue == "redis" else f"sqlite:///{database.folder / 'queue.sqlite3'}"
        return {**database.settings, "AASIM_QUEUE_URL": queue, "AASIM_AUTH__REGISTRATION": "open", **UNREACHED, **self.settings}


def email(organization: str) -> str:
    """The address of the one user of an organization."""
    return f"{organization.replace('_', '.')}@example.org"


def register(port: int, organization: str) -> str:
    """Register a user with an organization of their own; their access token."""
    body = {"name": organization, "email": email(organization), "password": PASSWORD, "organization_name": organization}
    return str(call(port, "POST", "/api/v1/auth/register", "", body)["data"]["access_token"])


def login(port: int, organization: str) -> str:
    """A fresh access token of the organization's user."""
    body = {"email": email(organization), "password": PASSWORD}
    return str(call(port, "POST", "/api/v1/auth/login", "", body)["data"]["access_token"])


def scripted_engine(port: int, token: str) -> str:
    """The id of the built-in engine that plays scripts."""
    engines = call(port, "GET", "/api/v1/engines?limit=100", token)["data"]["items"]
    return str(next(engine["id"] for engine in engines if engine["provider"] == "scripted"))


def fill(settings: Mapping[str, Any], organization: str, agents: int, grants: int = 0) -> None:
    """Write agents of the organization, and grants of others, through the product's records in a process with its settings."""
    command = [sys.executable, "-m", "tests.bench.contestants.aasim_seed", email(organization), str(agents), str(grants)]
    subprocess.run(command, env=processes.environment({**settings, "PYTHONPATH": str(ROOT)}), check=True, cwd=ROOT)
