"""The checker of the fault tests notices every kind of damage that it is there to notice."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from .deployment import Deployment, deployed
from .invariants import violations
from .workload import History, Operation, create, execute, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults]
_FINISHED = "SELECT id FROM executions_execution LIMIT 1"

DAMAGE = {
    "an answered agent is gone": ("DELETE FROM agents_agent WHERE name LIKE 'create-%'", "is there 0 times"),
    "an agent is there twice": (
        "DROP INDEX agents_agent_live_name; DROP INDEX agents_agent_live_slug; CREATE TABLE twin AS SELECT * FROM agents_agent"
        " WHERE name LIKE 'create-%'; UPDATE twin SET id = 'agent_other'; INSERT INTO agents_agent SELECT * FROM twin",
        "is there 2 times",
    ),
    "an accepted execution is gone": (f"DELETE FROM executions_execution WHERE id = ({_FINISHED})", "is gone"),
    "an execution stays in the queue": ("UPDATE executions_execution SET status = 'queued'", "neither over nor visibly waiting"),
    "a result is wrong": ("UPDATE executions_execution SET output = '\"other\"'", "succeeded with the output"),
    "a step is missing": ("DELETE FROM executions_step WHERE number = 3", "has the steps"),
    "a step was done twice": (
        "INSERT INTO executions_log SELECT * FROM (SELECT organization_id, execution_id, 1000 + sequence, occurred_at, level, step, event,"
        " message, data, path FROM executions_log WHERE event = 'engine_replied' LIMIT 1)",
        "was carried out 2 times",
    ),
    "a line of a log is missing": ("DELETE FROM executions_log WHERE sequence = 2", "lines up to number"),
    "the event of a creation is missing": (
        "DELETE FROM core_event WHERE name = 'agents.created'",
        "has 0 events of its creation",
    ),
    "the event of an end is missing": (
        "DELETE FROM core_event WHERE name = 'executions.succeeded'",
        "its last event says running",
    ),
    "an execution ended twice": (
        "CREATE TABLE twin AS SELECT * FROM core_event WHERE name = 'executions.succeeded'; UPDATE twin SET id = 'evt_z' || id;"
        " INSERT INTO core_event SELECT * FROM twin",
        "moved from running while it was succeeded",
    ),
    "a job failed": ("UPDATE core_job SET state = 'failed'", "a job"),
}


@pytest.fixture(scope="module")
def finished() -> Iterator[tuple[Deployment, History]]:
    """An installation that did a little work, and stopped."""
    with deployed("sqlite") as deployment:
        deployment.start("serve")
        client, history = prepare(deployment.port)
        create(client, history)
        execute(client, history)
        deployment.start("worker")
        deployment.settle()
        deployment.stop("worker")
        deployment.stop("serve")
        yield deployment, history


def test_undamaged_work_breaks_no_promise(finished: tuple[Deployment, History]) -> None:
    assert violations(*finished) == []


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_noticed(finished: tuple[Deployment, History], damage: str) -> None:
    statements, complaint = DAMAGE[damage]
    deployment, history = finished
    path = deployment.database.url.removeprefix("sqlite:///")
    copied(path, f"{path}.copy")
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(statements)
        found = violations(deployment, history)
        assert any(complaint in violation for violation in found), found
    finally:
        copied(f"{path}.copy", path)


def copied(source: str, target: str) -> None:
    """Make the database at `target` equal the one at `source`."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def test_a_lost_delivery_is_noticed(finished: tuple[Deployment, History]) -> None:
    deployment, history = finished
    lines = deployment.witnessed.read_text().splitlines()
    deployment.witnessed.write_text("\n".join(lines[1:]))
    try:
        assert ["was lost" in violation for violation in violations(deployment, history)] == [True]
    finally:
        deployment.witnessed.write_text("\n".join(lines))


def test_an_answer_that_was_never_given_is_noticed(finished: tuple[Deployment, History]) -> None:
    deployment, history = finished
    more = History(history.agent, [*history.operations, Operation("create", "create-nothing", status=201, id="agent_nothing")])
    assert len(violations(deployment, more)) == 1
