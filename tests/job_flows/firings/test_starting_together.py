"""Flows that are due at the same time are started together; what keeps one of them from its start does not keep the others."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.statements import recorded
from aasim_plugins.executions.hookspecs import Startable, Target

from ..conftest import OFF, SLEEPER, Clock, Flows

_ROOM = 5


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """No more than a few executions may wait."""
    return {"plugins.disabled": sorted(OFF), "executions.queue_limit": _ROOM}


@pytest.fixture
def broken(app: App, sleepers: list[timedelta]) -> dict[str, Any]:
    """A target that flows may have, of a plugin with a fault."""

    def find(target_id: str, number: int | None, principal: Any) -> Target:
        return Target(target_id, 1, "Broken")

    def start(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the plugin has a fault")

    app.offers.keep("startables", {**app.offers("startables"), "broken": Startable("broken", find, start)})
    return {"type": "broken", "id": SLEEPER["id"]}


def due_at_once(flows: Flows, *given: Mapping[str, Any]) -> list[str]:
    """Flows with these fields that are due once, in a minute; returns their ids."""
    once = {"type": "once", "due_at": "2026-03-02T07:31:00Z"}
    return [flows.make(once, name=f"Flow {number}", **fields) for number, fields in enumerate(given)]


def told(flows: Flows, flow_ids: list[str]) -> list[str]:
    """What became of each."""
    return [" ".join(filter(None, (each["outcome"], each["reason"]))) for id_ in flow_ids for each in flows.firings(id_)]


def test_all_but_the_first_look_up_their_owner_once(flows: Flows, app: App, clock: Clock) -> None:
    due_at_once(flows, *[{}] * _ROOM)
    clock.pass_by(minutes=1)
    with recorded(app.database) as statements:
        flows.work()
    assert sum('"core_membership"' in each.sql and '"authz_epoch"' in each.sql for each in statements) == 2


@pytest.mark.long
def test_a_fault_of_one_does_not_keep_the_others_from_their_start(flows: Flows, broken: dict[str, Any]) -> None:
    flow_ids = due_at_once(flows, {}, {"target": broken}, {}, {})
    flows.until("2026-03-02T07:31:00Z")
    assert told(flows, flow_ids) == ["started", "refused plugin_failed", "started", "started"]


def test_a_refusal_of_one_does_not_keep_the_others_from_their_start(flows: Flows) -> None:
    gone = flows.make_agent("Gone")
    flow_ids = due_at_once(flows, {}, {}, {"agent_id": gone}, {})
    flows.client.delete(f"/agents/{gone}")
    flows.until("2026-03-02T07:31:00Z")
    assert told(flows, flow_ids) == ["started", "started", "refused not_found", "started"]


def test_where_the_queue_is_full_the_others_follow_in_seconds(flows: Flows, clock: Clock) -> None:
    flow_ids = due_at_once(flows, *[{}] * (_ROOM + 2))
    flows.until("2026-03-02T07:31:00Z")
    assert told(flows, flow_ids) == ["started"] * _ROOM + ["parked queue_full", "pending"]
    clock.pass_by(seconds=5)
    flows.work()
    assert told(flows, flow_ids) == ["started"] * (_ROOM + 2)
