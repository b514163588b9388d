"""The registry of processes: who is there, by the database's clock."""

from datetime import timedelta

import pytest

from aasim_core import processes
from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.processes import API, WORKER, ProcessRow, ThisProcess
from aasim_core.version import VERSION


def worker(app: App, name: str = "worker-1") -> ThisProcess:
    return ThisProcess(app.database, WORKER, 4, ["agents"], name)


def test_a_heartbeat_registers_the_process_and_tells_how_busy_it_is(app: App) -> None:
    process = worker(app)
    process.beat()
    process.beat(busy=3)
    [found] = processes.seen(app.database)
    row = found.row
    assert (row.id, row.kind, row.version, row.threads, row.busy, row.plugins) == ("worker-1", WORKER, VERSION, 4, 3, ["agents"])
    assert found.is_alive


def test_a_process_that_leaves_is_not_there_any_more(app: App) -> None:
    ThisProcess(app.database, API, 16, []).beat()
    process = worker(app)
    process.beat()
    process.leave()
    assert [found.row.kind for found in processes.seen(app.database)] == [API]


@pytest.mark.parametrize(("hours", "left"), [(1, 1), (25, 0)])
def test_a_process_that_fell_silent_is_not_alive_and_forgotten_after_a_day(app: App, hours: int, left: int) -> None:
    worker(app).beat()
    ProcessRow.update(seen_at=now() - timedelta(hours=hours)).execute()
    assert [found.is_alive for found in processes.seen(app.database)] == [False]
    worker(app, "worker-2").leave()
    assert len(processes.seen(app.database)) == left


def test_the_time_is_the_databases(app: App) -> None:
    assert abs(app.database.time() - now()) < timedelta(seconds=5)
