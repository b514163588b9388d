"""Which runs a migration is of, who may ask for one, and what becomes of its batch."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.jobs.queue import enqueue
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.models import Execution
from aasim_plugins.workflows.models import Batch, BatchRun

from ..conftest import WAIT, Bench, node, read, unpark


@pytest.mark.long
def test_runs_are_chosen_by_the_filter(bench: Bench) -> None:
    first, second, over = bench.begin([WAIT], runs=3)
    bench.signal(over)
    bench.change([WAIT, node("then")], "paid>then")
    assert bench.ask(dry_run=True).data["count"] == 2
    assert bench.ask(dry_run=True, execution_ids=[first]).data["executions"][0]["execution_id"] == first
    assert bench.ask(dry_run=True, version=2).data["count"] == 0
    assert bench.ask(dry_run=True, waiting_for="approval").data["count"] == 0
    assert bench.ask(dry_run=True, since_at="2999-01-01T00:00:00Z").data["count"] == 0
    assert bench.ask(until_at="2000-01-01T00:00:00Z").data["batch_id"] is None
    assert read(bench.owner, second)["execution"]["workflow_version"] == 1


@pytest.mark.long
def test_a_run_that_is_changed_while_many_move_is_decided_anew_and_the_others_move(bench: Bench, app: App, owner: Person) -> None:
    runs = bench.begin([WAIT], runs=30)
    bench.change([WAIT, node("then")], "paid>then")
    asked = bench.ask().data
    cancelling = [runs[7]]

    def cancel(event: Any) -> None:
        """When the runs have been read, and nothing is written yet."""
        if 'FROM "executions_log"' in event.sql and cancelling:
            path = f"/executions/{cancelling.pop()}/cancel"
            thread = threading.Thread(target=owner.client.post, args=(path, {}))
            thread.start()
            thread.join(60)

    app.database.query_hooks.append(cancel)
    try:
        bench.work()
    finally:
        app.database.query_hooks.remove(cancel)
    batch = owner.client.get(f"/workflows/{bench.workflow['id']}/batches/{asked['batch_id']}").data
    assert (batch["status"], batch["verdicts"]) == ("done", [{"verdict": "moves", "count": 29}, {"verdict": "stays", "count": 1}])
    versions = {run: read(owner, run)["execution"]["workflow_version"] for run in runs}
    assert [run for run in runs if versions[run] == 1] == [runs[7]]
    assert bench.signal(runs[8])["execution"]["status"] == "succeeded"


def test_what_is_written_wrongly_is_named(bench: Bench) -> None:
    bench.begin([WAIT])
    assert bench.ask(9).codes == {"to": ["invalid_reference"]}
    assert bench.ask(1, version=0).status == 422
    other = {"filter": {"workflow_id": "workflow_01h455vb4pex5vsknk084sn02q"}, "to": 1}
    assert bench.owner.client.post("/workflows/executions/migrate", other).codes == {"filter.workflow_id": ["invalid_reference"]}
    bench.owner.client.patch(f"/workflows/{bench.workflow['id']}", {"status": "draft"})
    bench.owner.client.patch(f"/workflows/{bench.workflow['id']}", {"definition": {"language": 1, "nodes": []}})
    assert list(bench.ask(2).codes) == ["to"]


def test_only_those_move_whom_the_caller_may_see_and_run(bench: Bench, world: World) -> None:
    bench.begin([WAIT])
    body = {"filter": {"workflow_id": bench.workflow["id"]}, "to": 1, "dry_run": True}
    viewer, operator = (world.member(bench.owner, role).client for role in ("viewer", "operator"))
    assert viewer.post("/workflows/executions/migrate", body).status == 403
    assert operator.post("/workflows/executions/migrate", body).data["count"] == 1


def test_who_may_not_act_any_more_moves_nothing(bench: Bench, world: World, app: App) -> None:
    [run] = bench.begin([WAIT])
    bench.change([WAIT, node("then")], "paid>then")
    member = world.member(bench.owner, "operator")
    body = {"filter": {"workflow_id": bench.workflow["id"]}, "to": 2}
    assert member.client.post("/workflows/executions/migrate", body).status == 202
    [found] = [each for each in bench.owner.client.get("/users").data["items"] if each["id"] == member.user_id]
    assert bench.owner.client.delete(f"/users/{found['id']}").status == 200
    bench.work()
    with organization_scope(bench.owner.organization_id):
        assert Execution.get_by_id(run).subject_version == 1


def test_where_workflows_are_off_nothing_moves_and_what_was_asked_for_is_done_when_they_are_on_again(
    bench: Bench, app: App
) -> None:
    [run] = bench.begin([WAIT])
    bench.change([WAIT, node("then")], "paid>then")
    asked = bench.ask()
    switch(bench.owner, app, on=False)
    assert bench.ask().codes == {"_": ["feature_disabled"]}
    bench.work()
    switch(bench.owner, app, on=True)
    assert read(bench.owner, run)["execution"]["workflow_version"] == 1
    unpark(app)
    bench.work()
    assert read(bench.owner, run)["execution"]["workflow_version"] == 2
    assert bench.owner.client.get(f"/workflows/{bench.workflow['id']}/batches/{asked.data['batch_id']}").data["status"] == "done"


def switch(owner: Person, app: App, *, on: bool) -> None:
    """Have the plugin on for the organization, or off."""
    with app.database.transaction(), organization_scope(owner.organization_id):
        features.switch(owner.organization_id, "workflows", on)


def test_batches_are_forgotten_when_they_are_old(bench: Bench, app: App) -> None:
    bench.begin([WAIT])
    bench.move(1)
    with organization_scope(bench.owner.organization_id), app.database.transaction():
        Batch.update(created_at=now() - timedelta(days=91)).execute()
    with system_scope("test"), app.database.transaction():
        enqueue("workflows.prune", {})
    bench.work()
    with organization_scope(bench.owner.organization_id):
        assert (Batch.select().count(), BatchRun.select().count()) == (0, 0)
