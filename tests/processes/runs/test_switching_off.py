"""A plugin is switched off for one organization while its API and worker run, and on again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ...bench.processes import eventually
from ..client import Client
from ..conftest import Install
from ..installation import Installation

DROPINS = Path(__file__).parents[2] / "test_plugins" / "dropins"


class Laboratory:
    """An installation with the plugin `lab`, which writes down what it did for whom."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        #: While this file is there, calls of the plugin's tools do not return.
        self.gate = installation.data / "lab-gate"

    def did(self, organization_id: str) -> list[str]:
        """What the plugin did for the organization."""
        path = self.installation.data / "lab.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [what for who, _, what in (line.partition(" ") for line in lines) if who == organization_id]

    def parked(self) -> str:
        """The jobs that are parked, as the operator sees them."""
        return self.installation.run("jobs", "list", "--state", "parked").stdout


@pytest.fixture
def laboratory(install: Install, database_url: str, app_role: str | None) -> Iterator[Laboratory]:
    """API and worker with the plugin, on SQLite and on PostgreSQL."""
    role = {"AASIM_DATABASE__APP_ROLE": app_role} if app_role else {}
    plugins = {"AASIM_PLUGINS__FOLDER": str(DROPINS), "AASIM_PLUGINS__ENABLED": '["lab"]'}
    installation = install(empty=True, AASIM_DATABASE__URL=database_url, **plugins, **role)
    migrated = installation.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    installation.start("worker")
    installation.serve()
    yield Laboratory(installation)
    for process in installation.started:
        process.stop()


def organization_of(person: Client) -> str:
    """The id of the person's organization."""
    return str(person.get("/auth/me").data["organization"]["id"])


def switch(person: Client, *, on: bool) -> None:
    """Switch the plugin for the person's organization."""
    answer = person.ask(
        "PUT", f"/plugins/lab/organizations/{organization_of(person)}", {"status": "active" if on else "disabled"}
    )
    assert answer.status == 200, answer


def call(text: str) -> dict[str, Any]:
    """A turn of the script that uses the plugin's tool."""
    return {"tool_calls": [{"name": "lab_note", "arguments": {"text": text}}]}


def start(person: Client) -> str:
    """The id of a new run that uses the plugin's tool twice."""
    return person.execute(person.agent(call("one"), call("two"), "Done.", tools=[{"ref": "lab:note"}]))


def test_a_plugin_is_switched_off_in_the_middle_of_a_run_and_on_again(laboratory: Laboratory) -> None:
    ada, bob = (laboratory.installation.visitor.register() for _ in range(2))
    hers, his = organization_of(ada), organization_of(bob)
    laboratory.gate.touch()
    run, other = start(ada), start(bob)
    eventually(lambda: "tool" in laboratory.did(hers) and "tool" in laboratory.did(his), "the first calls")
    eventually(lambda: "listener" in laboratory.did(hers), "the delivery")

    switch(ada, on=False)
    # The worker knows it within a second; until then it may make a delivery.
    eventually(
        lambda: ada.agent("Later.") and "core.deliver_event" in laboratory.parked(), "the parking of a delivery", pause=0.5
    )
    before = laboratory.did(hers)
    laboratory.gate.unlink()

    ended = ada.becomes(run, "succeeded", "failed")
    first, second = ada.get(f"/executions/{run}/tool-calls").data["items"]
    assert ended["output"] == "Done."
    assert first["result"] == {"result": "noted"}
    assert "the plugin lab, which provides it, is disabled for the organization" in second["result"]["error"]
    log = ada.get(f"/executions/{run}/logs").data["entries"]
    assert {entry["level"] for entry in log if entry["event"] == "tool_unavailable"} == {"warning"}
    bob.becomes(other, "succeeded")
    eventually(lambda: laboratory.did(his).count("job") == 2, "the jobs of the other organization")
    eventually(lambda: "lab.tally" in laboratory.parked(), "the parking of a job", pause=0.5)
    assert [what for what in laboratory.did(hers)[len(before) :] if what != "settled"] == []

    switch(ada, on=True)
    # A worker looks for what is parked each half minute.
    eventually(lambda: {"job", "listener"} <= set(laboratory.did(hers)[len(before) :]), "what was parked", seconds=180, pause=0.2)
    again = ada.becomes(start(ada), "succeeded", "failed")
    assert again["output"] == "Done."
    assert laboratory.did(hers).count("tool") == 3
