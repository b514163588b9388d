"""On whose behalf a run acts: from the person to the run, through keys, other runs, and what has come due."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.records import database_of
from aasim_core.events.records import EventRow
from aasim_core.testing.world import Client, Person
from aasim_plugins.agents import service as agents
from aasim_plugins.agents.models import Agent
from aasim_plugins.executions.models import Execution

from ..tools.test_agents_as_tools import boss_of, children_of

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]


def execute(client: Client, agent: dict[str, Any]) -> dict[str, Any]:
    return dict(client.post(f"/agents/{agent['id']}/execute", {"input": "Hi"}).data)


def test_a_run_acts_for_whoever_has_started_it(owner: Person, scripted: Make) -> None:
    agent = scripted("done")
    execution = execute(owner.client, agent)
    assert execution["chain"] == [owner.user_id, f"{agent['id']}@1", execution["id"]]


def test_a_key_stands_between_the_person_and_the_run(owner: Person, scripted: Make) -> None:
    agent = scripted("done")
    key = owner.client.post("/api-keys", {"name": "CI", "scopes": ["agents:execute"]}).data
    execution = execute(replace(owner.client, token=key["key"]), agent)
    assert execution["chain"] == [owner.user_id, key["id"], f"{agent['id']}@1", execution["id"]]


def test_a_run_has_the_chain_of_the_run_that_has_started_it(owner: Person, scripted: Make, work: Work) -> None:
    helper = scripted("I did.", name="Helper")
    boss = execute(owner.client, boss_of(scripted, helper))
    work()
    [child] = children_of(owner, boss)
    assert child["chain"] == [*boss["chain"], f"{helper['id']}@1", child["id"]]


def test_what_has_started_it_stands_between(app: App, owner: Person, scripted: Make) -> None:
    made = scripted("done")
    with organization_scope(owner.organization_id), database_of(Execution).transaction():
        agent = Agent.get_by_id(made["id"])
        started = agents.start(app, agent, "Hi", owner.user_id, chain=["flow_1@2026-01-31T09:00:00Z"])
    chain = owner.client.get(f"/executions/{started.id}").data["chain"]
    assert chain == [owner.user_id, "flow_1@2026-01-31T09:00:00Z", f"{made['id']}@1", started.id]


def test_of_the_runs_of_a_former_release_the_parents_are_known(app: App, owner: Person, scripted: Make, work: Work) -> None:
    helper = scripted("I did.", name="Helper")
    boss = execute(owner.client, boss_of(scripted, helper))
    work()
    with organization_scope(owner.organization_id):
        Execution.update(chain=None).execute()
    [child] = children_of(owner, boss)
    assert child["chain"] == [owner.user_id, boss["id"], f"{helper['id']}@1", child["id"]]


def test_events_tell_of_it_when_a_run_is_queued_and_when_it_ends(owner: Person, scripted: Make, work: Work) -> None:
    execution = execute(owner.client, scripted("done"))
    work()
    with organization_scope(owner.organization_id):
        events = EventRow.select().where(EventRow.subject_id == execution["id"])
        told = {event.name: event.data.get("chain") for event in events}
    chain = execution["chain"]
    assert told == {"executions.queued": chain, "executions.started": None, "executions.succeeded": chain}
