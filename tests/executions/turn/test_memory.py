"""Agents remember nothing of earlier runs, since one API key can speak for many end users."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.records import create, find
from aasim_core.testing.world import Person
from aasim_plugins.agents.models import Agent, AgentVersion
from aasim_plugins.engines.built_in import write
from aasim_plugins.engines.hookspecs import Capabilities, Message, Provider, Reply, Usage
from aasim_plugins.executions.models import Execution, Step

Work = Callable[[], int]


class Listener:
    """A model that answers with a number, and keeps what it was told."""

    def __init__(self) -> None:
        self.heard: list[list[tuple[str, str]]] = []

    def chat(self, messages: list[Message], **_: Any) -> Reply:
        self.heard.append([(message.role, message.content) for message in messages])
        return Reply(f"answer {len(self.heard)}", (), Usage(1, 1), "stop", "listener")

    def close(self) -> None:
        pass


@pytest.fixture
def listener(app: App, owner: Person) -> Listener:
    listener, can = Listener(), Capabilities()
    app.offers.keep("engine_providers", {"listener": Provider("listener", "Listener", can, open=lambda _config: listener)})
    with organization_scope(owner.organization_id), app.database.transaction():
        write({"name": "Listener", "provider": "listener", "model": "listener", "capabilities": vars(can)})
    return listener


@pytest.fixture
def friend(app: App, owner: Person, listener: Listener) -> str:
    """The id of an agent from before a memory across runs was refused."""
    engine = owner.client.get("/engines?provider=listener").data["items"][0]
    agent_id = owner.client.post("/agents", {"name": "Friend", "engine_id": engine["id"]}).data["id"]
    with organization_scope(owner.organization_id), app.database.transaction():
        version = AgentVersion.get(AgentVersion.agent_id == agent_id)
        memory = {"mode": "window", "limit": 2}
        Agent.update(memory=memory).where(Agent.id == agent_id).execute()
        definition = {**version.definition, "memory": memory}
        AgentVersion.update(definition=definition).where(AgentVersion.id == version.id).execute()
    return str(agent_id)


def say(owner: Person, agent_id: str, text: str) -> str:
    return str(owner.client.post(f"/agents/{agent_id}/execute", {"input": text}).data["id"])


def test_no_run_reads_an_earlier_one_of_the_same_caller(owner: Person, listener: Listener, friend: str, work: Work) -> None:
    for text in ("my secret is ALPHA", "what do you know?"):
        say(owner, friend, text)
        work()
    assert listener.heard == [[("user", "my secret is ALPHA")], [("user", "what do you know?")]]


@pytest.mark.long
def test_the_log_says_that_the_memory_is_left_out(owner: Person, friend: str, work: Work) -> None:
    execution_id = say(owner, friend, "hello")
    work()
    first = owner.client.get(f"/executions/{execution_id}/logs").data["entries"][0]
    assert (first["event"], first["level"]) == ("memory_left_out", "warning")


@pytest.mark.long
def test_a_run_that_had_read_earlier_ones_before_the_upgrade_goes_on(
    app: App, owner: Person, listener: Listener, friend: str, work: Work
) -> None:
    execution_id = say(owner, friend, "hello")
    with organization_scope(owner.organization_id), app.database.transaction():
        execution = find(Execution, execution_id)
        at = {"started_at": execution.created_at, "finished_at": execution.created_at}
        create(Step, execution_id=execution_id, number=1, name="recall", result=[["one", "answer 1"]], **at)
        Execution.update(started_at=execution.created_at, status="running").where(Execution.id == execution_id).execute()
    work()
    assert owner.client.get(f"/executions/{execution_id}").data["status"] == "succeeded"
    assert listener.heard == [[("user", "hello")]]
