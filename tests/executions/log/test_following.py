"""What those who follow a run's log see while a step of it takes long."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person
from aasim_core.worker.runner import work_off
from aasim_plugins.engines.built_in import write
from aasim_plugins.engines.hookspecs import Capabilities, Finish, Provider, Reply, Usage

_PATIENCE = 60
_STOP: Finish = "stop"


@dataclass
class SlowChat:
    """A model that answers as soon as somebody has read a line of the run's log, or after a time without one."""

    look: Callable[[], list[dict[str, Any]]]
    seen: list[dict[str, Any]] = field(default_factory=list)

    def chat(self, _messages: Any, *, should_cancel: Callable[[], bool], **_: Any) -> Reply:
        give_up = time.monotonic() + _PATIENCE
        while not self.seen and time.monotonic() < give_up:
            should_cancel()
            self.seen += self.look()
        return Reply("done", (), Usage(1, 1), _STOP, "slow")

    def close(self) -> None:
        pass


@pytest.mark.long
def test_what_was_logged_is_read_while_the_engine_still_thinks(app: App, owner: Person) -> None:
    slow = SlowChat(lambda: list(owner.client.get(f"/executions/{execution['id']}/logs").data["entries"]))
    can = Capabilities()
    app.offers.keep("engine_providers", {"slow": Provider("slow", "Slow", can, open=lambda _config: slow)})
    with organization_scope(owner.organization_id), app.database.transaction():
        values = {"name": "Slow", "provider": "slow", "model": "slow", "capabilities": vars(can)}
        engine = write(values)
    agent = owner.client.post("/agents", {"name": "Slow", "engine_id": engine.id}).data
    execution = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"}).data
    work_off(app)
    assert [(entry["sequence"], entry["event"]) for entry in slow.seen] == [(1, "engine_called")]
    log = owner.client.get(f"/executions/{execution['id']}/logs").data["entries"]
    assert [entry["sequence"] for entry in log] == [1, 2, 3]
