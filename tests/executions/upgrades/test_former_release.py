"""Runs that the release before the kernel has begun, queued or let wait go on: their rows have less, and their jobs other names."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import database_of
from aasim_core.jobs.queue import enqueue
from aasim_core.jobs.records import JobRow
from aasim_core.testing.world import Person
from aasim_plugins.executions import states
from aasim_plugins.executions.models import ArrivalRow, Execution, WaitRow
from aasim_plugins.executions.shell.slot_records import AdmissionRow, TicketRow
from aasim_plugins.executions.shell.stored_run import TURN

from ..passing_time import make_due
from ..reaching import bring
from ..tools.test_agents_as_tools import boss_of, children_of
from ..tools.test_tool_calls import call

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]


def run(owner: Person, agent: dict[str, Any]) -> str:
    """Start the agent; the id of the execution."""
    return str(owner.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data["id"])


def status_of(owner: Person, execution_id: str) -> str:
    return str(owner.client.get(f"/executions/{execution_id}").data["status"])


def forget_the_kernel(owner: Person, execution_id: str, **columns: Any) -> None:
    """Leave of a run and its job what the former release would have written."""
    with organization_scope(owner.organization_id), database_of(Execution).transaction():
        for model in (WaitRow, ArrivalRow):
            model.delete().where(model.execution_id == execution_id).execute()
        former = {"job": 0, "turn": 0, "is_woken": False, "ending": None, "stop_by": None}
        Execution.update(**{**former, **columns}).where(Execution.id == execution_id).execute()


def rename_job(execution_id: str) -> str:
    """Give the job of a queued run its former name and payload; its id."""
    with system_scope("test"):
        [job] = [job for job in JobRow.select() if job.payload.get("execution_id") == execution_id]
        payload = {name: value for name, value in job.payload.items() if name != "job"}
        JobRow.update(name="executions.run", payload=payload).where(JobRow.id == job.id).execute()
    return str(job.id)


def test_a_run_that_was_queued_runs(app: App, owner: Person, scripted: Make, work: Work) -> None:
    execution_id = run(owner, scripted("done"))
    forget_the_kernel(owner, execution_id, job_id=rename_job(execution_id))
    work()
    assert status_of(owner, execution_id) == "succeeded"


def test_a_run_that_was_begun_goes_on(app: App, owner: Person, scripted: Make, work: Work) -> None:
    execution_id = run(owner, scripted("done"))
    begun = {"status": states.RUNNING, "started_at": now(), "version": 2}
    forget_the_kernel(owner, execution_id, job_id=rename_job(execution_id), **begun)
    work()
    assert status_of(owner, execution_id) == "succeeded"


def test_a_run_that_waits_for_a_person_goes_on(app: App, owner: Person, scripted: Make, work: Work, shed: Any, desk: Any) -> None:
    execution_id = run(owner, scripted(call("pay", what="rent"), "done", tools=[{"ref": shed.add("pay", effect="pay")}]))
    work()
    forget_the_kernel(owner, execution_id)
    desk.decide(approved=True)
    work()
    assert status_of(owner, execution_id) == "succeeded"


@pytest.mark.long
def test_a_run_that_waits_for_another_goes_on(app: App, owner: Person, scripted: Make, work: Work, shed: Any, desk: Any) -> None:
    helper = scripted(call("pay", what="rent"), "paid", name="Helper", tools=[{"ref": shed.add("pay", effect="pay")}])
    execution_id = run(owner, boss_of(scripted, helper))
    work()
    forget_the_kernel(owner, execution_id, waiting_for="event")
    desk.decide(approved=True)
    work()
    [child] = children_of(owner, {"id": execution_id})
    assert (child["status"], status_of(owner, execution_id)) == ("succeeded", "succeeded")


@pytest.mark.long
def test_runs_of_an_agent_with_a_limit_go_on_without_a_ticket_and_are_counted(
    app: App, owner: Person, scripted: Make, work: Work
) -> None:
    agent = scripted("done", limits={"max_concurrent": 1})
    first, second = run(owner, agent), run(owner, agent)
    with organization_scope(owner.organization_id), database_of(Execution).transaction():
        for model in (TicketRow, AdmissionRow):
            model.delete().execute()
        enqueue(TURN, {"execution_id": second, "job": 1, "unstarted": None})
        bring(first, states.RUNNING)
    for each in (first, second):
        forget_the_kernel(owner, each, job=1, slot=None, ticket=None, waiting_for=None)
    with system_scope("test"):
        [held] = [job for job in JobRow.select() if job.payload.get("execution_id") == first]
        JobRow.update(delayed=True).where(JobRow.id == held.id).execute()
    work()
    assert (status_of(owner, first), status_of(owner, second)) == ("running", "queued")
    make_due(app)
    work()
    assert (status_of(owner, first), status_of(owner, second)) == ("succeeded", "succeeded")


def test_a_run_that_is_asked_to_end_ends(app: App, owner: Person, scripted: Make, work: Work) -> None:
    execution_id = run(owner, scripted("done"))
    forget_the_kernel(owner, execution_id, status=states.CANCELLING)
    with system_scope("test"):
        JobRow.delete().execute()
    with organization_scope(owner.organization_id), app.database.transaction():
        enqueue("executions.enforce_cancel", {"execution_id": execution_id})
    work()
    assert status_of(owner, execution_id) == "cancelled"
