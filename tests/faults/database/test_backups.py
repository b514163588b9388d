"""A backup that is made while clients work, restored elsewhere: what had been answered is there, and what was going on ends once."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ...bench.databases import fresh
from ..deployment import Deployment, deployed, installed, until
from ..invariants import violations
from ..workload import History, Load, Operation, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults]


@dataclass(frozen=True)
class Restored:
    """An installation with what was in the backup, and what clients knew when that began."""

    deployment: Deployment
    history: History


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def restored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    """A backup that was made under load, restored into a new database, without processes."""
    file = tmp_path_factory.mktemp("backup") / "backup"
    with deployed(request.param) as original, fresh(request.param, "restored") as database, installed(database) as other:
        history = back_up_under_load(original, file)
        shutil.copy(original.witnessed, other.witnessed)  # what had been delivered
        for command in (("restore", str(file)), ("migrate",), ("resume", "--yes")):
            done = other.command(*command)
            assert done.returncode == 0, done.stderr
        yield Restored(other, history)


def back_up_under_load(deployment: Deployment, file: Path) -> History:
    """Make the backup; returns what clients had been told before it began, and what else they asked for."""
    deployment.start("serve")
    client, history = prepare(deployment.port)
    deployment.start("worker")
    with Load(client, history):
        until(lambda: deployment.rows("SELECT 1 FROM executions_execution WHERE status = 'succeeded'"), "the first run")
        before = [operation.key for operation in history.operations if operation.done]
        made = deployment.command("backup", str(file))
    assert made.returncode == 0, made.stderr
    for name in list(deployment.running):
        deployment.kill(name)
    return History(history.agent, [each if each.key in before else unanswered(each) for each in history.operations])


def unanswered(operation: Operation) -> Operation:
    """The operation, as if its client had never heard of it."""
    return replace(operation, status=None, id=None)


@pytest.mark.parametrize("command", ["doctor", "activities verify"])
def test_what_is_restored_is_in_order(restored: Restored, command: str) -> None:
    done = restored.deployment.command(*command.split())
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_was_answered_is_there_and_runs_that_were_going_on_end_once(restored: Restored) -> None:
    restored.deployment.start("serve")
    restored.deployment.start("worker", AASIM_WORKER__LEASE_SECONDS="5")  # which those that were running wait for
    restored.deployment.settle()
    assert violations(restored.deployment, restored.history) == []
