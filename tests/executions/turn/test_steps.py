"""The steps of a run are written once, by whoever has its job, and with few questions."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.jobs.records import JobRow
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person
from aasim_plugins.executions import states
from aasim_plugins.executions.hookspecs import ToolUse
from aasim_plugins.executions.models import Step

from ..reaching import bring

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]
_CALL = {"tool_calls": [{"name": "hammer", "arguments": {"what": "nail"}}]}


def run(owner: Person, agent: dict[str, Any], work: Work) -> str:
    """Start the agent, and let the worker do what it can; the id of the execution."""
    execution = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data
    work()
    return str(execution["id"])


def steps_of(owner: Person, execution_id: str) -> list[str]:
    """The names of the steps that are written."""
    with organization_scope(owner.organization_id):
        return [step.name for step in Step.select().where(Step.execution_id == execution_id).order_by(Step.number)]


@pytest.mark.long
def test_a_run_whose_job_was_taken_away_writes_no_step(owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    def lose(use: ToolUse) -> str:
        JobRow.update(lease_token="another's").where(JobRow.state == "running").execute()
        return "done"

    shed.does = lose
    execution_id = run(owner, scripted(_CALL, "done", tools=[{"ref": shed.add("hammer")}]), work)
    assert steps_of(owner, execution_id) == ["engine"]
    assert owner.client.get(f"/executions/{execution_id}").data["status"] == "running"
    assert owner.client.get(f"/executions/{execution_id}/tool-calls").data["items"][0]["status"] == "running"


@pytest.mark.long
def test_a_run_that_is_cancelled_within_a_step_does_not_begin_the_next(
    owner: Person, scripted: Make, work: Work, shed: Any
) -> None:
    shed.does = lambda use: owner.client.post(f"/executions/{use.execution_id}/cancel").data["status"]
    execution_id = run(owner, scripted(_CALL, "done", tools=[{"ref": shed.add("hammer")}]), work)
    assert owner.client.get(f"/executions/{execution_id}").data["status"] == "cancelled"
    assert steps_of(owner, execution_id) == ["engine", "tool:hammer"]


@pytest.mark.long
def test_a_run_is_read_by_the_statement_that_begins_it(app: App, owner: Person, scripted: Make, work: Work) -> None:
    execution = owner.client.post(f"/agents/{scripted('done')['id']}/execute", {"input": "hello"}).data
    with recorded(app.database) as statements:
        work()
    assert steps_of(owner, execution["id"]) == ["engine"]
    assert not [each for each in statements if each.sql.startswith("SELECT") and '"executions_execution"' in each.sql]


def test_a_run_whose_job_does_not_tell_what_it_runs_is_looked_at_first(
    app: App, owner: Person, scripted: Make, work: Work
) -> None:
    execution = owner.client.post(f"/agents/{scripted('done')['id']}/execute", {"input": "hello"}).data
    with app.database.connected(), organization_scope(owner.organization_id):
        JobRow.update(payload={"execution_id": execution["id"], "job": 1}).execute()
    work()
    assert owner.client.get(f"/executions/{execution['id']}").data["status"] == "succeeded"


def test_a_run_that_was_begun_before_goes_on_though_it_takes_the_only_place_of_its_agent(
    app: App, owner: Person, scripted: Make, work: Work
) -> None:
    agent = scripted("done", limits={"max_concurrent": 1})
    execution = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data
    with organization_scope(owner.organization_id), app.database.transaction():
        bring(execution["id"], states.RUNNING)
    work()
    assert owner.client.get(f"/executions/{execution['id']}").data["status"] == "succeeded"


def test_how_a_run_stands_is_read_once_before_each_step_but_the_first(
    app: App, owner: Person, scripted: Make, work: Work, shed: Any
) -> None:
    agent = scripted(_CALL, "done", tools=[{"ref": shed.add("hammer")}])
    with recorded(app.database) as statements:
        execution_id = run(owner, agent, work)
    looks = [
        each for each in statements if each.sql.startswith('SELECT "t1"."status", "t1"."is_paused", (SELECT "t2"."halted_at"')
    ]
    assert steps_of(owner, execution_id) == ["engine", "tool:hammer", "engine"]
    assert len(looks) == 2
