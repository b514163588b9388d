"""The device that the log is written to is full: API and worker go on without a log."""

import pytest

from ..deployment import Deployment, until
from ..invariants import violations
from ..workload import create, execute, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults]
#: Runs a program whose output has no room.
INTO_A_FULL_DEVICE = ("sh", "-c", 'exec "$@" >/dev/full 2>&1', "sh")
#: Without a mail server mails are written where the log is: that to the new person is tried again.
LEFT = "SELECT name FROM core_job WHERE state IN ('queued', 'running') AND name <> 'auth.send_mail'"


def test_processes_whose_log_has_no_room_go_on(on_sqlite: Deployment) -> None:
    on_sqlite.start("serve", under=INTO_A_FULL_DEVICE)
    on_sqlite.start("worker", under=INTO_A_FULL_DEVICE)
    client, history = prepare(on_sqlite.port)
    for _ in range(5):
        create(client, history)
        execute(client, history)
    until(lambda: on_sqlite.rows(LEFT) == [], "the end of all jobs")
    assert violations(on_sqlite, history) == []


def test_processes_whose_log_has_no_room_stop_in_good_order(on_sqlite: Deployment) -> None:
    on_sqlite.start("serve", under=INTO_A_FULL_DEVICE)
    on_sqlite.start("worker", under=INTO_A_FULL_DEVICE)
    until(lambda: on_sqlite.rows("SELECT 1 FROM core_process WHERE kind = 'worker'"), "the start of the worker")
    assert [on_sqlite.stop("worker"), on_sqlite.stop("serve")] == [0, 0]
