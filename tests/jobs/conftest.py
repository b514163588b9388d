"""An app that knows jobs, features and a notifier only, with jobs that the test writes."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pluggy
import pytest

from aasim_core import hookspecs, processes
from aasim_core.access import records as access
from aasim_core.context import organization_scope, system_scope
from aasim_core.data import installation
from aasim_core.data.backends.connect import bind
from aasim_core.data.database import Database
from aasim_core.jobs import records
from aasim_core.jobs.declarations import Job
from aasim_core.jobs.leases import Leases
from aasim_core.jobs.notify.notifier import Notifier
from aasim_core.jobs.queue import enqueue, flush
from aasim_core.jobs.records import JobRow
from aasim_core.plugins import Plugins
from aasim_core.plugins.registry import Found
from aasim_core.process.worker import Worker
from aasim_core.settings import Settings
from aasim_core.spans import Spans
from aasim_core.tenancy import records as tenancy
from aasim_core.tenancy.feature_switches import Features
from aasim_core.tenancy.organization_state import OrganizationStates

ACME, UMBRELLA = "organization_acme", "organization_umbrella"


def _off(name: str) -> Found:
    """A plugin that is there, and off."""
    return Found(name, title=name, summary=name, version="1.0.0", origin="bundled", state="off")


@dataclass
class Shop:
    """An app with jobs, and what a test asks of it."""

    database: Database
    data_dir: Path
    flags: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.plugins = pluggy.PluginManager("aasim")
        self.plugins.add_hookspecs(hookspecs)
        settings = Settings.load({"data_dir": str(self.data_dir), **self.flags}, environ={})
        self.jobs: dict[str, Job] = {}
        self.app: Any = SimpleNamespace(
            organization_states=OrganizationStates(),
            settings=settings,
            database=self.database,
            jobs=self.jobs,
            spans=Spans(),
            draining=threading.Event(),
            hook=self.plugins.hook,
            plugins=Plugins((_off("gone"), _off("mail")), (), self.plugins, hookspecs),
            notifier=Notifier(settings),
            process_of=lambda kind, threads, name: processes.ThisProcess(self.database, kind, threads, [], name),
        )
        self.app.features = Features(lambda: self.app.plugins, self.app.organization_states, self._allowed)
        self.database.before_commit = lambda transaction: flush(transaction, self.database, self.jobs, self.app.notifier.notify)
        self.bind()

    def _allowed(self, organization_id: str, plugin: str) -> Any:
        return self.plugins.hook.feature_allowed(app=self.app, organization_id=organization_id, plugin=plugin)

    def bind(self) -> None:
        """Attach the records to this app's database; another app that is built takes them away."""
        bind(self.database, [*records.RECORDS, *tenancy.RECORDS, *access.RECORDS, *processes.RECORDS, *installation.RECORDS])

    def offers(self, name: str, function: Callable[..., Any] = lambda context, payload: None, **options: Any) -> Job:
        """Declare a job."""
        job = self.jobs[name] = Job(name, function, **options)
        return job

    def enqueue(self, name: str, payload: Mapping[str, Any] | None = None, organization: str = ACME, **options: Any) -> str:
        """Enqueue a job in a transaction of its own, and declare one that does nothing if there is none of that name."""
        if name not in self.jobs:
            self.offers(name)
        with organization_scope(organization), self.database.transaction():
            return enqueue(name, payload or {}, **options)

    def leases(self, owner: str = "worker-1-a") -> Leases:
        """What the worker of that name claims with."""
        return Leases(self.database, owner)

    def job(self, job_id: str) -> JobRow:
        """The job as it is now."""
        with self.database.connected(), system_scope("test"):
            row: JobRow = JobRow.get_by_id(job_id)
            return row

    def states(self) -> list[str]:
        """The states of all jobs, oldest first, without those that the core's schedules start in workers that are processes."""
        with self.database.connected(), system_scope("test"):
            return [row.state for row in JobRow.select().where(~JobRow.name.startswith("core.")).order_by(JobRow.id)]

    @contextmanager
    def open(self) -> Iterator[Worker]:
        """A worker that does the jobs; at the end it does what is ready, and is drained."""
        self.app.draining.clear()
        self.app.organization_states = OrganizationStates()  # as a worker's process has one of its own
        worker = Worker(self.app)
        worker.start()
        try:
            yield worker
            self.wait_until(lambda: not self._busy() or self.app.draining.is_set())
        finally:
            worker.drain()

    def _busy(self) -> bool:
        with self.database.connected(), system_scope("test"):
            return JobRow.select().where((JobRow.state == "running") | records.READY).exists()

    @staticmethod
    def wait_until(condition: Callable[[], bool], seconds: float = 40) -> None:
        """Look until the condition holds; AssertionError when it does not within so many seconds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it took too long"
            threading.Event().wait(0.01)


@pytest.fixture
def flags() -> Mapping[str, Any]:
    """Settings of the app; a test overrides them by parametrizing."""
    return {}


@pytest.fixture
def shop(database: Database, tmp_path: Path, flags: Mapping[str, Any]) -> Shop:
    """The app, over an empty database."""
    return Shop(database, tmp_path, flags)


@pytest.fixture
def as_a_worker() -> Iterator[None]:
    """The test acts for the whole platform, as a worker does between jobs."""
    with system_scope("test"):
        yield


@pytest.fixture
def told() -> "queue.Queue[Any]":
    """What jobs tell the test."""
    return queue.Queue()


def heard(told: "queue.Queue[Any]") -> Any:
    """The next thing that a job tells."""
    return told.get(timeout=40)
