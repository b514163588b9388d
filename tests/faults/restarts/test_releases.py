"""Two versions of a plugin work side by side on one database, under load, through an upgrade in two halves and back."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from ...bench import processes
from ...processes.client import Client as Person
from ...processes.client import Secrets
from ..deployment import Deployment, until
from ..workload import Client, Operation, prepare
from .side_by_side import Load, Release

pytestmark = [pytest.mark.long, pytest.mark.faults]

HERE = Path(__file__).parent
#: A plugin with a kind of run that the old version does not have.
CHORES = HERE.parents[1] / "executions" / "dropins" / "chores"
#: A run that takes long enough to change versions under it, and writes a few lines into its log.
SLOW = [{"text": "a", "tool_calls": [{"name": "look_up", "arguments": {"word": str(n)}}], "delay_seconds": 1} for n in range(4)]


class Ledger(Release):
    """A version of the plugin ``ledger``."""

    def install(self, *others: Path) -> "Ledger":
        """Put its files, and `others`, plugins, where its processes look for them."""
        folder = self.deployment.database.folder / self.name
        shutil.copytree(HERE / "releases" / self.name, folder)
        for plugin in (HERE.parent / "plugins" / "witness", *others):
            shutil.copytree(plugin, folder / plugin.name)
        enabled = ["witness", "ledger", *(plugin.name for plugin in others)]
        self.own |= {"AASIM_PLUGINS__FOLDER": str(folder), "AASIM_PLUGINS__ENABLED": json.dumps(enabled)}
        return self


@dataclass
class LedgerLoad(Load):
    """Clients who also write and read entries."""

    entries: list[Operation] = field(default_factory=list)

    def read(self, client: Client) -> None:
        """Write an entry and read all."""
        operation = Operation("enter", f"enter-{token_hex(8)}")
        self.entries.append(operation)
        client.insist(operation, "POST", "/api/v1/ledger", {"name": operation.key, "text": f"of {operation.key}"})
        self.reads.append(client.ask("GET", "/api/v1/ledger")[0])

    def operations(self) -> Sequence[Operation]:
        """The entries, too."""
        return [*self.entries, *self.history.operations]


@pytest.fixture
def old(deployment: Deployment) -> Release:
    """The version before, installed."""
    release = Ledger(deployment, "old").install()
    release.migrate()
    return release


@pytest.fixture
def new(deployment: Deployment) -> Release:
    """The version after, of which nothing is applied yet."""
    return Ledger(deployment, "new").install(CHORES)


def rows(deployment: Deployment, columns: str) -> dict[str, tuple[Any, ...]]:
    """These columns of the entries, by their names."""
    return {row[0]: row[1:] for row in deployment.rows(f"SELECT name, {columns} FROM ledger_entry")}


def test_an_upgrade_under_load_stops_nothing_and_loses_and_doubles_nothing(
    deployment: Deployment, old: Release, new: Release
) -> None:
    old.start()
    client, history = prepare(old.port)
    with LedgerLoad(deployment, client.token, history, [old]) as load:
        load.go_on()
        said = new.migrate()
        assert "applied ledger/0002_memos\n1 migrations applied.\nLeft for when all processes run this version" in said
        load.go_on()
        new.start()
        load.turn_to(old, new)
        early = new.command("migrate", "--post")
        assert (early.returncode, "still runs the code of an older version" in early.stderr) == (75, True)
        load.turn_to(new)
        old.stop()
        load.go_on()
        assert "applied ledger/0003_no_notes.post" in new.migrate("--post")
        load.go_on()
    assert load.faults() == []
    found = rows(deployment, "memo, booked, audited, counted")
    assert {name: row[:2] for name, row in found.items()} == {op.key: (f"of {op.key}", 1) for op in load.entries}
    assert {row[2:] for row in found.values()} == {(0, 0), (1, 1)}  # of the old version, and of the new one


def test_until_the_second_half_the_way_back_is_open(deployment: Deployment, old: Release, new: Release) -> None:
    old.start()
    client, history = prepare(old.port)
    new.migrate()
    with LedgerLoad(deployment, client.token, history, [old]) as load:
        for _ in range(2):
            new.start()
            load.turn_to(new)
            old.stop()
            load.go_on()
            old.start()
            load.turn_to(old)
            new.stop()
            load.go_on()
        new.start()
        load.turn_to(new)
    old.stop()
    assert load.faults() == []
    found = rows(deployment, "COALESCE(memo, note), booked, audited, counted")
    assert {name: row[:2] for name, row in found.items()} == {op.key: (f"of {op.key}", 1) for op in load.entries}
    assert {row[2:] for row in found.values()} == {(0, 0), (1, 1)}


def test_what_only_the_new_version_knows_waits_for_its_worker(deployment: Deployment, old: Release, new: Release) -> None:
    old.start()
    client, _ = prepare(old.port)
    new.migrate()
    deployment.start_api("new-api", new.port, **new.settings)
    client.port = new.port
    status, answer = client.ask("POST", "/api/v1/ledger", {"name": "Rent", "text": "May"})
    assert status == 201, answer
    status, answer = client.ask("POST", "/api/v1/chores", {"input": ["ink", "paper"]})
    assert status == 202, answer
    until(lambda: rows(deployment, "booked") == {"Rent": (1,)}, "the work of the old worker")
    left = "SELECT name, state, attempt FROM core_job WHERE name IN ('ledger.audit', 'executions.turn') ORDER BY name"
    tried = "SELECT state FROM core_job WHERE name = 'core.deliver_event' AND state = 'queued' AND delayed"
    said = "jobs of this kind are left to a worker that knows them"
    until(lambda: deployment.log("old-worker").read_text().count(said) == 2, "what the old worker leaves")
    until(lambda: deployment.rows(tried) == [("queued",)], "the delivery that the old worker tries again")
    assert deployment.rows(left) == [("executions.turn", "queued", 0), ("ledger.audit", "queued", 0)]
    old.stop()
    assert deployment.stop("new-api") == 0
    new.start()
    done = {"Rent": (1, 1, 1)}
    until(lambda: rows(deployment, "booked, audited, counted") == done, "the work of the new worker", seconds=60)
    assert Person(new.port, Secrets(), client.token).becomes(answer["data"]["id"], "succeeded")["output"] == {"done": 2}
    assert deployment.rows("SELECT name FROM core_event WHERE name = 'executions.blocked'") == []


def test_a_log_that_is_followed_goes_on_at_the_other_version(deployment: Deployment, old: Release, new: Release) -> None:
    old.start()
    client, _ = prepare(old.port)
    new.migrate()
    new.start()
    person = Person(old.port, Secrets(), client.token)
    execution = person.execute(person.agent(*SLOW, "done"))
    path, seen = f"/executions/{execution}/logs", []
    for event in person.follow(path):
        seen.append(event)
        if len(seen) == 3:
            deployment.running["old-api"].terminate()
    old.stop()
    assert not any(event["event"] == "end" for event in seen)
    person.port = new.port
    seen += person.follow(path, Last_Event_ID=seen[-1]["id"])
    assert seen == list(person.follow(path))
    assert person.becomes(execution, "succeeded")["output"] == "done"


def test_a_version_starts_only_on_a_database_that_it_can_work_with(deployment: Deployment, old: Release, new: Release) -> None:
    ahead = new.command("worker")
    assert (ahead.returncode, "the database lacks 1 migrations (ledger/0002_memos); run: aasim migrate" in ahead.stderr) == (
        78,
        True,
    )
    old.start()
    new.migrate()
    assert old.command("migrate", "--check").returncode == 0
    assert processes.answers(old.port, "/api/v1/health/ready", below=300)
    assert deployment.stop("old-worker") == 0
    assert deployment.stop("old-api") == 0
    new.migrate("--post")
    behind = old.command("worker")
    removed = "a newer version has removed from the database what this one needs (ledger/0003_no_notes.post)"
    assert (behind.returncode, removed in behind.stderr) == (78, True)
