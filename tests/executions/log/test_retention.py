"""What organizations keep of their runs, and for how long."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.jobs.queue import enqueue
from aasim_core.testing.statements import plan_of, recorded
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.hookspecs import Keeper
from aasim_plugins.executions.log import retention
from aasim_plugins.executions.models import Execution, LogEntry, Step

Ran = Callable[..., dict[str, Any]]


@pytest.fixture
def ran(owner: Person, scripted: Any, work: Callable[[], int]) -> Ran:
    """A run that has ended; `days` ago, if it is said."""

    def make(days: int = 0, person: Person = owner) -> dict[str, Any]:
        agent = person.client.get("/agents?limit=1").data["items"] or [scripted("Hello.")]
        execution = person.client.post(
            f"/agents/{agent[0]['id']}/execute", {"input": "Greet me.", "metadata": {"ticket": 7}}
        ).data
        work()
        moment = now() - timedelta(days=days)
        with organization_scope(person.organization_id):
            Execution.update(created_at=moment, finished_at=moment).where(Execution.id == execution["id"]).execute()
        return dict(execution)

    return make


@pytest.fixture
def prune(app: App, owner: Person) -> Callable[[], None]:
    """Deletes what the owner's organization keeps no longer."""

    def run() -> None:
        with organization_scope(owner.organization_id):
            while retention.prune_some(app, owner.organization_id):
                pass

    return run


def read(owner: Person, execution: dict[str, Any]) -> dict[str, Any]:
    return dict(owner.client.get(f"/executions/{execution['id']}").data)


def test_a_log_goes_first(owner: Person, ran: Ran, prune: Callable[[], None]) -> None:
    young, old = ran(13), ran(15)

    prune()

    assert [read(owner, each)["retained"] for each in (young, old)] == ["everything", "no_log"]
    lines = [owner.client.get(f"/executions/{each['id']}/logs").data for each in (young, old)]
    assert [bool(log["entries"]) for log in lines] == [True, False]
    assert [log["ended"] for log in lines] == [True, True]
    assert read(owner, old)["output"] == "Hello."


def test_what_was_said_goes_next(owner: Person, ran: Ran, prune: Callable[[], None]) -> None:
    old = ran(31)
    before = read(owner, old)

    prune()

    after = read(owner, old)
    assert (after["retained"], after["input"], after["output"]) == ("no_payload", None, None)
    same = ("status", "usage", "metadata", "finished_at", "trigger")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["version"] == before["version"] + 1
    with organization_scope(owner.organization_id):
        assert (Step.select().count(), LogEntry.select().count()) == (0, 0)


def test_a_run_goes_at_last(owner: Person, ran: Ran, prune: Callable[[], None]) -> None:
    old, young = ran(401), ran(399)

    prune()

    assert [owner.client.get(f"/executions/{each['id']}").status for each in (old, young)] == [404, 200]


def test_an_organization_keeps_what_it_wants_to_keep(owner: Person, ran: Ran, prune: Callable[[], None]) -> None:
    settled = {"executions": {"log_days": 1, "payload_days": 500, "record_days": 1000}}
    assert owner.client.patch(f"/organizations/{owner.organization_id}", {"settings": settled}).status == 200
    old = ran(450)

    prune()

    assert (read(owner, old)["retained"], read(owner, old)["input"]) == ("no_log", "Greet me.")


def test_what_goes_on_is_kept_however_long_it_takes(owner: Person, ran: Ran, prune: Callable[[], None]) -> None:
    waiting = ran(500)
    with organization_scope(owner.organization_id):
        Execution.update(status="waiting", finished_at=None).execute()

    prune()

    assert read(owner, waiting)["retained"] == "everything"


def test_it_is_said_how_much_was_deleted(owner: Person, ran: Ran, prune: Callable[[], None]) -> None:
    for days in (20, 40, 41, 500):
        ran(days)

    prune()
    prune()

    (event,) = owner.client.get("/activities?action=executions.pruned&occurred_at[gte]=2020-01-01T00:00:00Z").data["items"]
    assert event["data"] == {"logs": 1, "payloads": 2, "records": 1}
    assert (event["actor"]["type"], event["subject"]["id"]) == ("system", owner.organization_id)


def test_a_run_without_its_input_is_not_repeated(owner: Person, ran: Ran, prune: Callable[[], None]) -> None:
    old = ran(31)
    prune()

    answer = owner.client.post(f"/executions/{old['id']}/retry", {})

    assert answer.codes == {"_": ["invalid_state"]}
    assert answer.body["errors"]["_"][0]["meta"] == {"retained": "no_payload"}


def test_other_plugins_delete_theirs_with_it(app: App, owner: Person, ran: Ran, prune: Callable[[], None]) -> None:
    emptied: list[str] = []
    forgotten: list[str] = []
    keeper = Keeper("notes", empty=emptied.extend, forget=forgotten.extend)
    said, gone, _ = ran(31), ran(401), ran(1)
    app.offers.keep("keepers", {"notes": keeper})

    prune()

    assert (emptied, forgotten) == ([said["id"]], [gone["id"]])


@pytest.mark.long
def test_the_job_does_it_in_every_organization(app: App, world: World, owner: Person, ran: Ran, work: Callable[[], int]) -> None:
    other = world.organization()
    engine = other.client.get("/engines?provider=scripted").data["items"][0]["id"]
    other.client.post("/agents", {"name": "Theirs", "engine_id": engine, "parameters": {"replies": ["Hi."]}})
    mine, theirs = ran(31), ran(31, other)

    with system_scope("test"), app.database.transaction():
        enqueue("executions.prune", {"due": "2026-01-31T09:41:00.000Z"})
    work()

    assert [read(*pair)["retained"] for pair in ((owner, mine), (other, theirs))] == ["no_payload", "no_payload"]


def test_organizations_that_have_nothing_old_are_not_looked_at(
    app: App, world: World, owner: Person, ran: Ran, work: Callable[[], int]
) -> None:
    other = world.organization("Other")
    ran(31)
    with system_scope("test"), app.database.transaction():
        enqueue("executions.prune", {"due": "2026-01-31T09:41:00.000Z"})
    with recorded(app.database) as sent:
        work()
    assert any(owner.organization_id in statement.parameters for statement in sent)
    assert not any(other.organization_id in statement.parameters for statement in sent)


def test_what_is_due_is_found_by_an_index(app: App, owner: Person, ran: Ran, prune: Callable[[], None]) -> None:
    ran(31)
    with recorded(app.database) as statements:
        prune()
    with organization_scope(owner.organization_id):
        if app.database.for_update:
            app.database.execute_sql("SET enable_seqscan = off")  # so few rows are quicker read one after the other
        found = [plan_of(app.database, each) for each in statements if "retained = '" in each.sql and "LIMIT" in each.sql]
    # Of so few rows one index is as good as another to PostgreSQL.
    stages = (
        ("Index", "Index") if app.database.for_update else ("executions_execution_without_log", "executions_execution_with_log")
    )
    assert all(any(stage in plan for plan in found) for stage in stages), found
