"""What keeps the log: its sealing and pruning by jobs, and the commands of those who run the installation."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.events.chain.anchors import EventAnchor
from aasim_core.events.chain.sealing import seal_everything
from aasim_core.events.records import EventRow
from aasim_core.jobs.queue import enqueue
from aasim_core.jobs.records import JobRow
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off
from aasim_plugins.activities.commands import restart, verify

from ..events.tampering import tampering

Run = Callable[[str], None]
Aged = Callable[[Person, int], None]


@pytest.fixture
def run(app: App) -> Run:
    """Does one of the system's own jobs, as a worker does when it is due."""

    def do(name: str) -> None:
        with system_scope("test"), app.database.transaction():
            job_id = enqueue(name, {"due": "2026-01-31T09:00:00.000Z"})
        work_off(app)
        with system_scope("test"):
            assert JobRow.get_by_id(job_id).state == "done"

    return do


@pytest.fixture
def aged(app: App) -> Aged:
    """Makes an agent, and seals its event as one of so many days ago."""

    def make(person: Person, days: int) -> None:
        agent = person.client.post("/agents", {"name": f"Agent of {days} days ago"}).data["id"]
        with tampering(app.database):
            EventRow.update(at=now() - timedelta(days=days)).where(EventRow.subject_id == agent).execute()
        seal_everything(app.database, app.keyring)

    return make


def labels(person: Person) -> list[str]:
    return [item["subject"]["label"] for item in person.client.get("/activities?sort=occurred_at").data["items"]]


def test_a_job_seals_what_has_happened(owner: Person, run: Run) -> None:
    for name in ("One", "Two"):
        owner.client.post("/agents", {"name": name})
    run("core.seal_events")
    assert owner.client.get("/activities/verify").data["head"]["sequence"] == 2


def test_sealing_goes_on_for_others_where_one_chain_is_broken(app: App, world: World, owner: Person, run: Run) -> None:
    owner.client.post("/agents", {"name": "One"})
    run("core.seal_events")
    with system_scope("test"), app.database.transaction():
        EventAnchor.delete().execute()
    other = world.organization("Other")
    for person in (owner, other):
        person.client.post("/agents", {"name": "Two"})
    run("core.seal_events")
    assert other.client.get("/activities/verify").data["valid"]
    assert owner.client.get("/activities?sort=occurred_at").data["items"][1]["sequence"] is None


def test_what_is_older_than_the_default_is_pruned(owner: Person, aged: Aged, run: Run) -> None:
    for days in (500, 401, 399):
        aged(owner, days)
    run("activities.prune")
    assert labels(owner) == ["Agent of 399 days ago"]
    answer = owner.client.get("/activities/verify").data
    assert (answer["valid"], answer["begins_after"], answer["checked"]) == (True, 2, 1)


def test_each_organization_keeps_its_log_as_long_as_it_has_settled(world: World, owner: Person, aged: Aged, run: Run) -> None:
    other = world.organization("Other")
    for person in (owner, other):
        for days in (60, 31, 29):
            aged(person, days)
    path = f"/organizations/{owner.organization_id}"
    assert owner.client.patch(path, {"settings": {"activities": {"retention_days": 30}}}).status == 200
    run("activities.prune")
    assert "Agent of 31 days ago" not in labels(owner) and "Agent of 29 days ago" in labels(owner)
    assert len(labels(other)) == 3


@pytest.mark.parametrize("days", [29, 3651, "100"])
def test_retention_has_bounds(owner: Person, days: object) -> None:
    path = f"/organizations/{owner.organization_id}"
    answer = owner.client.patch(path, {"settings": {"activities": {"retention_days": days}}})
    assert (answer.status, list(answer.codes)) == (422, ["settings.activities.retention_days"])


def call(app: App, command: Callable[..., object], *arguments: str) -> Result:
    """Call a command as an operator does."""
    return CliRunner().invoke(command(app), arguments)  # type: ignore[arg-type]


def test_an_operator_verifies_every_log(app: App, world: World, owner: Person) -> None:
    other = world.organization("Other")
    for person in (owner, other):
        person.client.post("/agents", {"name": "One"})
    seal_everything(app.database, app.keyring)
    result = call(app, verify)
    assert result.exit_code == 0
    assert all(f"{person.organization_id}: 1 activities; the last is 1, " in result.output for person in (owner, other))


def test_an_operator_is_told_what_is_wrong_and_can_go_on_after_it(app: App, owner: Person) -> None:
    owner.client.post("/agents", {"name": "One"})
    seal_everything(app.database, app.keyring)
    with system_scope("test"), app.database.transaction():
        EventAnchor.delete().execute()
    result = call(app, verify)
    assert result.exit_code == 1
    assert f"{owner.organization_id}: unsigned: The anchors of the chain are gone." in result.output
    assert call(app, restart, owner.organization_id, "--yes").exit_code == 0
    with app.database.connected():
        seal_everything(app.database, app.keyring)
    assert call(app, verify, "--organization", owner.organization_id).exit_code == 0


def test_an_operator_is_told_of_an_organization_that_has_no_log(app: App, owner: Person) -> None:
    result = call(app, restart, "organization_00000000000000000000000000", "--yes")
    assert "has no sealed log" in str(result.exception)
