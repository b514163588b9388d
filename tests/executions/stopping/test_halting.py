"""What becomes of executions while their organization is halted."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.jobs.leases import Leases
from aasim_core.jobs.records import JobRow
from aasim_core.jobs.worker_liveness import Presence
from aasim_core.tenancy.records import Organization
from aasim_core.testing.world import Person
from aasim_core.worker.maintenance import Maintenance
from aasim_plugins.engines.built_in import write
from aasim_plugins.engines.hookspecs import Cancelled, Capabilities, Finish, Provider, Reply, ToolCall, Usage
from aasim_plugins.executions.hookspecs import ToolError, ToolUse
from aasim_plugins.executions.models import Step

from ..tools.test_tool_calls import call, calls_of

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]
_STOP: Finish = "stop"
_CALLS: Finish = "tool_calls"


def set_halted(app: App, owner: Person, moment: datetime | None) -> None:
    with system_scope("test"):
        Organization.update(halted_at=moment).where(Organization.id == owner.organization_id).execute()
    app.organization_states.forget(owner.organization_id)


def resume(app: App, owner: Person) -> None:
    set_halted(app, owner, None)
    Maintenance(app, Leases(app.database, "test"), Presence(app.settings.data_dir)).unpark()


def read(owner: Person, execution_id: str) -> dict[str, Any]:
    return dict(owner.client.get(f"/executions/{execution_id}").data)


def execute(owner: Person, agent: dict[str, Any]) -> str:
    return str(owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"}).data["id"])


def steps_of(owner: Person, execution_id: str) -> list[str]:
    with organization_scope(owner.organization_id):
        return [step.name for step in Step.select().where(Step.execution_id == execution_id).order_by(Step.number)]


@dataclass
class HaltingChat:
    """A model that calls a tool and then answers; while it does the first, somebody halts the organization."""

    halt: Callable[[], None]
    turns: list[int] = field(default_factory=list)

    def chat(self, messages: Any, **_: Any) -> Reply:
        self.turns.append(sum(message.role == "assistant" for message in messages))
        if self.turns == [0]:
            self.halt()
            return Reply("", (ToolCall("c1", "look", "{}"),), Usage(1, 1), _CALLS, "halting")
        return Reply("done", (), Usage(1, 1), _STOP, "halting")

    def close(self) -> None:
        pass


def halting_agent(app: App, owner: Person) -> tuple[HaltingChat, dict[str, Any]]:
    chat = HaltingChat(lambda: set_halted(app, owner, now()))
    can = Capabilities()
    app.offers.keep("engine_providers", {"halting": Provider("halting", "Halting", can, open=lambda _config: chat)})
    with organization_scope(owner.organization_id), app.database.transaction():
        engine = write({"name": "Halting", "provider": "halting", "model": "halting", "capabilities": vars(can)})
    return chat, owner.client.post("/agents", {"name": "Halting", "engine_id": engine.id}).data


def test_nothing_begins_in_an_organization_that_is_halted(app: App, owner: Person, scripted: Make, work: Work) -> None:
    agent = scripted("x")
    ended = execute(owner, agent)
    work()
    set_halted(app, owner, now())
    for answer in (
        owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"}),
        owner.client.post(f"/executions/{ended}/retry"),
    ):
        assert (answer.status, answer.codes) == (409, {"_": ["invalid_state"]})
        assert "resume it first" in answer.body["message"]


def test_what_is_queued_waits_until_the_organization_is_resumed(app: App, owner: Person, scripted: Make, work: Work) -> None:
    execution = execute(owner, scripted("done"))
    set_halted(app, owner, now())
    work()
    assert (read(owner, execution)["status"], read(owner, execution)["started_at"]) == ("queued", None)

    resume(app, owner)
    work()
    assert read(owner, execution)["output"] == "done"


def test_a_run_stops_at_the_next_safe_place_and_is_queued_visibly(app: App, owner: Person, work: Work) -> None:
    chat, agent = halting_agent(app, owner)
    execution = execute(owner, agent)
    work()
    assert (read(owner, execution)["status"], chat.turns, steps_of(owner, execution)) == ("queued", [0], ["engine"])
    last = owner.client.get(f"/executions/{execution}/logs").data["entries"][-1]
    assert (last["event"], last["message"]) == ("halted", "The organization is halted; the run continues when it is resumed.")
    with system_scope("test"):
        states = sorted(job.state for job in JobRow.select().where(JobRow.name == "executions.turn"))
    assert states == ["done", "parked"]


@pytest.mark.long
def test_a_run_goes_on_after_the_halt_without_repeating_its_finished_steps(app: App, owner: Person, work: Work) -> None:
    chat, agent = halting_agent(app, owner)
    execution = execute(owner, agent)
    work()
    resume(app, owner)
    work()
    assert (read(owner, execution)["output"], read(owner, execution)["attempt"]) == ("done", 1)
    assert chat.turns == [0, 1]
    assert steps_of(owner, execution) == ["engine", "tool:look", "engine"]


@pytest.mark.long
def test_what_waits_for_the_end_of_a_halt_can_be_cancelled(app: App, owner: Person, work: Work) -> None:
    _, agent = halting_agent(app, owner)
    execution = execute(owner, agent)
    work()
    assert owner.client.post(f"/executions/{execution}/cancel").data["status"] == "cancelled"
    resume(app, owner)
    work()
    assert read(owner, execution)["status"] == "cancelled"


class PatientChat:
    """A model that says nothing until it is told to stop; what happens meanwhile is up to the test."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self._meanwhile = meanwhile

    def chat(self, messages: Any, *, should_cancel: Callable[[], bool], **_: Any) -> Reply:
        self._meanwhile()
        give_up = time.monotonic() + 60
        while not should_cancel() and time.monotonic() < give_up:
            Event().wait(0.05)
        assert time.monotonic() < give_up, "nobody told the model to stop"
        raise Cancelled

    def close(self) -> None:
        pass


def patient_agent(app: App, owner: Person, meanwhile: Callable[[], object]) -> dict[str, Any]:
    can = Capabilities()
    provider = Provider("patient", "Patient", can, open=lambda _config: PatientChat(meanwhile))
    app.offers.keep("engine_providers", {"patient": provider})
    with organization_scope(owner.organization_id), app.database.transaction():
        engine = write({"name": "Patient", "provider": "patient", "model": "patient", "capabilities": vars(can)})
    return dict(owner.client.post("/agents", {"name": "Patient", "engine_id": engine.id}).data)


@pytest.mark.long
def test_a_halt_ends_the_call_of_a_model_that_is_under_way(app: App, owner: Person, work: Work) -> None:
    execution = execute(owner, patient_agent(app, owner, lambda: set_halted(app, owner, now())))
    work()
    assert (read(owner, execution)["status"], steps_of(owner, execution)) == ("queued", [])


@pytest.mark.long
def test_a_cancel_while_the_worker_drains_ends_the_run(app: App, owner: Person, work: Work) -> None:
    def drain_and_cancel() -> None:
        app.draining.set()
        [execution] = owner.client.get("/executions").data["items"]
        assert owner.client.post(f"/executions/{execution['id']}/cancel").status == 202

    execution = execute(owner, patient_agent(app, owner, drain_and_cancel))
    work()
    assert read(owner, execution)["status"] == "cancelled"
    with system_scope("test"):
        assert [job.error for job in JobRow.select().where(JobRow.name == "executions.turn")] == [None]


@pytest.mark.long
def test_a_repeatable_call_that_a_halt_cut_short_is_made_when_the_agent_is_resumed(
    app: App, owner: Person, scripted: Make, work: Work, shed: Any
) -> None:
    def patient(use: ToolUse) -> str:
        if len(shed.used) > 1:
            return "done"
        owner.client.post(f"/agents/{agent['id']}/halt", {"reason": "It writes nonsense."})
        give_up = time.monotonic() + 60
        while not use.should_cancel() and time.monotonic() < give_up:
            Event().wait(0.05)
        raise ToolError("The call was asked to end.")

    shed.does = patient
    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", idempotent=True)}])
    execution = execute(owner, agent)
    work()
    assert read(owner, execution)["status"] == "queued"
    owner.client.post(f"/agents/{agent['id']}/resume")
    with system_scope("test"), app.database.transaction():
        JobRow.update(delayed=False, run_at=now()).where(JobRow.state == "queued").execute()
    work()
    assert calls_of(owner, {"id": execution})[0]["result"] == {"result": "done"}


@pytest.mark.long
def test_an_agent_that_is_halted_runs_nothing_and_loses_nothing(app: App, owner: Person, work: Work) -> None:
    reason = {"reason": "It writes nonsense."}
    agent = patient_agent(app, owner, lambda: owner.client.post(f"/agents/{agent['id']}/halt", reason))
    execution = execute(owner, agent)
    work()
    assert read(owner, execution)["status"] == "queued"
    assert owner.client.get(f"/executions/{execution}/logs").data["entries"][-1]["message"] == "The agent is halted."
    refused = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"})
    assert (refused.status, refused.codes) == (409, {"_": ["invalid_state"]})
    assert owner.client.post(f"/agents/{agent['id']}/resume").data["halted_at"] is None
    assert owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"}).status == 202


@pytest.mark.long
def test_runs_wait_for_an_engine_that_is_halted(owner: Person, scripted: Make, work: Work) -> None:
    agent = scripted("done")
    assert owner.client.post(f"/engines/{agent['engine_id']}/halt", {"reason": "Too dear."}).status == 200
    execution = execute(owner, agent)
    work()
    assert read(owner, execution)["status"] == "queued"
    last = owner.client.get(f"/executions/{execution}/logs").data["entries"][-1]
    assert (last["event"], last["message"]) == ("delayed", "The run waits for its turn: the engine Scripted replies is halted.")


def test_the_runs_of_an_agent_that_is_deleted_are_not_held_by_its_halt(owner: Person, scripted: Make, work: Work) -> None:
    agent = scripted("done")
    execution = execute(owner, agent)
    owner.client.post(f"/agents/{agent['id']}/halt", {"reason": "It writes nonsense."})
    assert owner.client.delete(f"/agents/{agent['id']}").status == 200
    work()
    assert read(owner, execution)["status"] == "succeeded"
