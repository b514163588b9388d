"""The disk is full: requests get a clear 503, commands a clear sentence, and nothing is lost when there is room again."""

import subprocess
from pathlib import Path

import pytest

from ...bench.processes import children, environment
from .. import strace
from ..deployment import COMMAND, Deployment, until
from ..invariants import violations
from ..till import RUNS, Till, begin_payments
from ..workbench import SETTINGS
from ..workload import Client, create, execute, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.usefixtures("needs_strace")]


def test_a_full_disk_is_answered_503_and_nothing_is_lost(on_sqlite: Deployment) -> None:
    on_sqlite.start("serve")
    client, history = prepare(on_sqlite.port)
    create(client, history)
    with strace.attached(
        children(on_sqlite.running["serve"].pid), on_sqlite.database.folder, *strace.full_disk(*files(on_sqlite))
    ):
        status, answer = client.ask("POST", "/api/v1/agents", {"name": "Too much"})
        assert (status, answer["errors"]["_"][0]["code"]) == (503, "storage_unavailable")
        assert client.ask("GET", "/api/v1/agents")[0] == 200
    assert create(client, history).done
    assert execute(client, history).done
    on_sqlite.start("worker")
    on_sqlite.settle()
    assert violations(on_sqlite, history) == []


def test_a_worker_on_a_full_disk_goes_on_when_there_is_room_again(on_sqlite: Deployment) -> None:
    on_sqlite.start("serve")
    client, history = prepare(on_sqlite.port)
    worker = on_sqlite.start("worker")
    until(lambda: "the worker is ready" in on_sqlite.log("worker").read_text(), "the start of the worker")
    with strace.attached([worker.pid], on_sqlite.database.folder, *strace.full_disk(*files(on_sqlite))) as trace:
        for _ in range(5):
            execute(client, history)
        until(lambda: "ENOSPC" in trace.read_text(), "the first write that failed")
    if worker.poll() is not None:  # it may give up, clearly; its supervisor starts the next
        assert worker.returncode == 74
        on_sqlite.start("worker")
    on_sqlite.settle()
    assert "Traceback" not in on_sqlite.log("worker").read_text()
    assert violations(on_sqlite, history) == []


def test_answers_that_come_while_the_disk_is_full_are_kept(on_sqlite: Deployment, till: Till) -> None:
    on_sqlite.more.update(SETTINGS)
    on_sqlite.start("serve")
    worker = on_sqlite.start("worker")
    payments = begin_payments(on_sqlite, till)
    with strace.attached([worker.pid], on_sqlite.database.folder, *strace.full_disk(*files(on_sqlite))) as trace:
        till.may_answer.set()
        until(lambda: len(till.answered) == RUNS and "ENOSPC" in trace.read_text(), "the first write that failed")
    until(payments.are_over, "the end of the runs")
    assert payments.ends() == ["succeeded"] * RUNS
    assert len(till.taken) == RUNS


@pytest.mark.parametrize("command", [["migrate"], ["serve"], ["worker"]], ids=" ".join)
def test_a_command_on_a_full_disk_ends_with_a_sentence(tmp_path: Path, command: list[str]) -> None:
    settings = {"AASIM_DATA_DIR": str(tmp_path / "data"), "AASIM_BIND": "127.0.0.1:0"}
    inject = [
        "strace",
        "-f",
        "-o",
        str(tmp_path / "trace"),
        "-P",
        str(tmp_path / "data"),
        "-e",
        "inject=mkdir,write,pwrite64,openat:error=ENOSPC",
    ]
    done = subprocess.run(
        [*inject, COMMAND, *command], env=environment(settings), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 74
    assert "Traceback" not in done.stderr
    assert "disk" in done.stderr or "space" in done.stderr


def files(deployment: Deployment) -> list[Path]:
    """The database's file and its log."""
    database = Path(deployment.database.url.removeprefix("sqlite:///"))
    return [database, database.with_name(f"{database.name}-wal")]


def test_clients_of_a_full_disk_learn_nothing_else(on_sqlite: Deployment) -> None:
    on_sqlite.start("serve")
    client, _ = prepare(on_sqlite.port)
    with strace.attached(
        children(on_sqlite.running["serve"].pid), on_sqlite.database.folder, *strace.full_disk(*files(on_sqlite))
    ):
        text = str(Client(on_sqlite.port, client.token).ask("POST", "/api/v1/agents", {"name": "Too much"}))
    assert not [word for word in ("sqlite", "disk I/O", "Traceback", str(on_sqlite.database.folder)) if word in text]
