"""Organizations with executions that ended at chosen times, and calls of engines that were written then."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import from_text
from aasim_core.context import organization_scope
from aasim_core.data.backends.sqlite.database import SqliteDatabase
from aasim_core.data.records import create
from aasim_core.ids import new_id
from aasim_core.settings import Settings
from aasim_core.testing.world import Person, World
from aasim_plugins.analytics.rollups import rollup
from aasim_plugins.engines.service import EngineCall
from aasim_plugins.executions.models import Execution
from aasim_plugins.hitl_approvals.models import Approval

from ..bench import processes
from ..faults import strace

Ended = Callable[..., Execution]
Decided = Callable[..., Approval]


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def ended(app: App, owner: Person) -> Ended:
    """Writes an execution that ended at a time, after it had waited 500 ms, and a call of it; keywords are columns."""

    def write(
        at: str, *, seconds: float = 2, cost: int = 10, of: Person = owner, called: bool = True, **columns: Any
    ) -> Execution:
        with organization_scope(of.organization_id), app.database.transaction():
            execution: Execution = create(Execution, **_run(from_text(at), seconds, cost, columns))
            if called:
                call(execution, at, cost)
            return execution

    return write


def _run(end: datetime, seconds: float, cost: int, columns: Mapping[str, Any]) -> dict[str, Any]:
    began = end - timedelta(seconds=seconds)
    return {
        "kind": "agent", "status": "succeeded", "trigger": {"type": "api", "id": None}, "trigger_type": "api",
        "subject_type": "agent", "subject_id": AGENT, "subject_version": 1, "engine_id": ENGINE, "input_tokens": 7, "output_tokens": 3,
        "cost": cost, "currency": "EUR", "created_at": began - timedelta(milliseconds=500), "started_at": began, "finished_at": end,
        **columns,
    }  # fmt: skip


AGENT, ENGINE = new_id("agent"), new_id("engine")


def call(execution: Execution, at: str, cost: int | None, **columns: Any) -> EngineCall:
    """Write a call of the execution; needs a transaction and the organization's scope."""
    taken = {"outcome": "answered", "input_tokens": 7, "output_tokens": 3, "cost": cost, "currency": "EUR", **columns}
    whose = {"execution_id": execution.id, "agent_id": execution.subject_id, "project_id": execution.project_id}
    written: EngineCall = create(EngineCall, engine_id=ENGINE, model="m", created_at=from_text(at), **whose, **taken)
    return written


@pytest.fixture
def decided(app: App, owner: Person) -> Decided:
    """Writes an approval that was decided at a time; keywords are columns."""
    return partial(approve, app, owner)


def approve(
    app: App,
    of: Person,
    at: str,
    *,
    status: str = "approved",
    seconds: float = 60,
    of_run: Execution | None = None,
    **columns: Any,
) -> Approval:
    """Write an approval of the person's organization, decided at that time, so long after it was asked for."""
    end = from_text(at)
    run = {} if of_run is None else {"execution_id": of_run.id, "agent_id": of_run.subject_id, "project_id": of_run.project_id}
    asked = {
        "title": "Refund",
        "action_hash": "0",
        "due_seconds": 60,
        "due_at": end,
        "created_at": end - timedelta(seconds=seconds),
    }
    with organization_scope(of.organization_id), app.database.transaction():
        approval: Approval = create(Approval, status=status, decided_at=end, **asked, **run, **columns)
        return approval


@pytest.fixture
def roll_up(app: App, owner: Person) -> Callable[[], None]:
    """Writes what is over in the owner's organization."""

    def go() -> None:
        with organization_scope(owner.organization_id):
            rollup.roll_up(app)

    return go


@pytest.fixture
def needs_strace() -> None:
    """Leave the test out where strace cannot be used; in CI it fails instead."""
    if not strace.is_usable():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("strace is not installed, or may not trace")


@pytest.fixture
def write(app: App, app_settings: Settings, tmp_path: Path) -> Callable[..., tuple[int, int]]:
    """Lets a process under strace write what is over; its exit code, and how many writes it made."""
    database = app_settings.database
    settings = {"AASIM_DATA_DIR": str(app_settings.data_dir), "AASIM_DATABASE__URL": database.url}
    if database.app_role:
        settings["AASIM_DATABASE__APP_ROLE"] = database.app_role
    file = database.url.removeprefix("sqlite:///")
    on_files = isinstance(app.database, SqliteDatabase)
    calls = "pwrite64" if on_files else "sendto"
    only = [part for path in (file, f"{file}-wal") for part in ("-P", path)] if on_files else []
    trace = tmp_path / "trace.txt"

    def go(*options: str) -> tuple[int, int]:
        command = ["strace", "-f", "-o", str(trace), *only, "-e", f"trace={calls}", *options]
        command += [sys.executable, "-m", "tests.analytics.writing"]
        done = subprocess.run(command, env=processes.environment(settings), capture_output=True, check=False, timeout=120)
        return done.returncode, strace.most_calls_of_a_thread(trace)

    go.calls = calls  # type: ignore[attr-defined]
    return go
