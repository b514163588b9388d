"""What becomes of runs while a plugin that they need is off for the organization."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.jobs.records import JobRow
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.world import Person
from aasim_plugins.executions import service
from aasim_plugins.executions.hookspecs import Awaited, ToolSource
from aasim_plugins.executions.models import Execution
from aasim_plugins.executions.shell.stored_run import TURN

from ..passing_time import make_due
from ..tools.test_tool_calls import call, calls_of, read, run

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]


def switch(app: App, person: Person, *, on: bool) -> None:
    """Turn what the tests bring on or off for the person's organization."""
    with organization_scope(person.organization_id), app.database.transaction():
        features.switch(person.organization_id, "tests", on)


def blocked(person: Person, execution: dict[str, Any]) -> tuple[str, str]:
    """The status of the run, and what is missing for it, which the list says too."""
    told = read(person, execution["id"])
    [listed] = person.client.get("/executions?status=blocked").data["items"]
    assert (listed["id"], listed["missing"]) == (told["id"], told["missing"])
    return told["status"], told["missing"]


def test_a_blocked_run_says_once_what_is_missing(app: App, owner: Person, scripted: Make, work: Work) -> None:
    execution = owner.client.post(f"/agents/{scripted('done')['id']}/execute", {"input": "Go."}).data
    app.offers.keep("runners", {})
    for _ in range(3):
        work()
        make_due(app)

    told = [event for event in owner.client.get("/activities?limit=50").data["items"] if event["action"] == "executions.blocked"]
    assert [(event["subject"]["id"], event["data"]["missing"]) for event in told] == [(execution["id"], "runner:agent")]


def test_the_turns_of_a_run_are_for_its_plugin_whichever_version_queues_them(
    app: App, owner: Person, scripted: Make, work: Work
) -> None:
    execution = owner.client.post(f"/agents/{scripted('done')['id']}/execute", {"input": "Go."}).data
    app.offers.keep("runners", {})
    work()
    make_due(app)
    work()
    with organization_scope(owner.organization_id), app.database.connected():
        turns = JobRow.select(JobRow.plugin, JobRow.state).where(JobRow.name == TURN).order_by(JobRow.id)
        assert list(turns.tuples()) == [("agents", "done")] * 2, execution["id"]


def test_a_run_whose_plugin_is_not_there_names_it(app: App, owner: Person, scripted: Make, work: Work) -> None:
    execution = owner.client.post(f"/agents/{scripted('done')['id']}/execute", {"input": "Go."}).data
    with organization_scope(owner.organization_id), app.database.transaction():
        Execution.update(plugin="gone").where(Execution.id == execution["id"]).execute()
    app.offers.keep("runners", {})
    work()
    assert blocked(owner, execution) == ("blocked", "plugin:gone")


@pytest.mark.parametrize("change", ["cancel", "pause"])
def test_a_blocked_run_can_be_stopped(app: App, owner: Person, scripted: Make, work: Work, change: str) -> None:
    execution = owner.client.post(f"/agents/{scripted('done')['id']}/execute", {"input": "Go."}).data
    app.offers.keep("runners", {})
    work()

    assert owner.client.post(f"/executions/{execution['id']}/{change}", {}).status == 200
    make_due(app)
    work()
    assert read(owner, execution["id"])["status"] == {"cancel": "cancelled", "pause": "paused"}[change]


@pytest.mark.long
def test_a_run_waits_for_the_result_of_a_tool_that_is_off_until_it_is_on_again(
    app: App, owner: Person, scripted: Make, work: Work, shed: Any
) -> None:
    results: dict[str, Any] = {}
    source = ToolSource("shed", shed.tools.get, lambda use: Awaited("parcel"), results.get)
    app.offers.keep("tools", {"shed": source})
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer")}]), work)
    assert execution["waiting_for"] == "event"

    switch(app, owner, on=False)
    results["parcel"] = {"result": "It has come."}
    with organization_scope(owner.organization_id), app.database.transaction():
        service.resume(execution["id"])
    work()
    assert blocked(owner, execution) == ("blocked", "plugin:tests")
    entries = owner.client.get(f"/executions/{execution['id']}/logs").data["entries"]
    assert [entry["level"] for entry in entries if entry["event"] == "blocked"] == ["warning"]

    switch(app, owner, on=True)
    make_due(app)
    work()
    assert read(owner, execution["id"])["output"] == "done"
    assert calls_of(owner, execution)[0]["result"] == {"result": "It has come."}


@pytest.mark.long
def test_a_run_of_a_kind_that_only_another_version_knows_waits_for_it(
    app: App, owner: Person, scripted: Make, work: Work
) -> None:
    runners = app.offers("runners")
    execution = owner.client.post(f"/agents/{scripted('done')['id']}/execute", {"input": "Go."}).data
    app.offers.keep("runners", {})
    work()
    assert blocked(owner, execution) == ("blocked", "runner:agent")

    app.offers.keep("runners", runners)
    make_due(app)
    work()
    ended = read(owner, execution["id"])
    assert (ended["status"], ended["output"]) == ("succeeded", "done")
