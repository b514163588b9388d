"""What an agent remembers of earlier runs."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person, World
from aasim_plugins.engines.built_in import write
from aasim_plugins.engines.hookspecs import Capabilities, Message, Provider, Reply, Usage

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


def agent_of(owner: Person, **memory: Any) -> str:
    engine = owner.client.get("/engines?provider=listener").data["items"][0]
    return str(owner.client.post("/agents", {"name": "Friend", "engine_id": engine["id"], "memory": memory}).data["id"])


def say(person: Person, agent_id: str, text: str, work: Work) -> None:
    assert person.client.post(f"/agents/{agent_id}/execute", {"input": text}).status == 202
    work()


def test_an_agent_reads_the_last_runs_of_the_same_user(world: World, owner: Person, listener: Listener, work: Work) -> None:
    agent_id = agent_of(owner, mode="window", limit=2)
    for text in ("one", "two", "three"):
        say(owner, agent_id, text, work)
    say(world.member(owner, "operator"), agent_id, "somebody else", work)
    say(owner, agent_id, "four", work)
    assert listener.heard[-1] == [
        ("user", "two"), ("assistant", "answer 2"), ("user", "three"), ("assistant", "answer 3"), ("user", "four"),
    ]  # fmt: skip
    assert listener.heard[-2] == [("user", "somebody else")]


def test_what_is_remembered_does_not_shift_a_script(owner: Person, scripted: Any, work: Work) -> None:
    agent = scripted("one", memory={"mode": "window", "limit": 3})
    for text in ("first", "second"):
        say(owner, agent["id"], text, work)
    outputs = [item["output"] for item in owner.client.get(f"/agents/{agent['id']}/executions").data["items"]]
    assert outputs == ["one", "one"]


def test_without_memory_every_run_is_the_first(owner: Person, listener: Listener, work: Work) -> None:
    agent_id = agent_of(owner, mode="none")
    for text in ("one", "two"):
        say(owner, agent_id, text, work)
    assert listener.heard == [[("user", "one")], [("user", "two")]]
