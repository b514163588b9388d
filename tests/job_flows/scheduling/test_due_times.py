"""Due times: each starts one run, at its time, and what becomes of it is written down."""

import pytest

from aasim_core.clock import from_text
from aasim_core.testing.world import World

from ..conftest import Clock, Flows

WEEKDAYS = "0 9 * * MON-FRI"


def test_a_run_starts_when_the_flow_is_due(flows: Flows, clock: Clock) -> None:
    flow_id = flows.cron(WEEKDAYS, input="It is {{ due.date }}, {{ due.local_time }}.")
    flows.work()
    assert flows.told(flow_id) == []
    clock.set("2026-03-02T08:00:00Z")
    flows.work()
    [firing] = flows.firings(flow_id)
    [run] = flows.runs()
    assert (firing["outcome"], firing["execution_id"], firing["lateness_ms"]) == ("started", run["id"], 0)
    assert (run["input"], run["status"]) == ("It is 2026-03-02, 2026-03-02T09:00:00+01:00.", "succeeded")
    assert run["trigger"] == {"type": "schedule", "id": flow_id}
    assert run["initiator_id"] == flows.owner.user_id


def test_it_starts_again_at_every_due_time(flows: Flows) -> None:
    flow_id = flows.every(2)
    flows.until("2026-03-02T07:36:30Z")
    assert flows.told(flow_id) == ["02 07:32 started", "02 07:34 started", "02 07:36 started"]


def test_once_is_once(flows: Flows) -> None:
    flow_id = flows.make({"type": "once", "due_at": "2026-03-02T07:31:30Z"})
    flows.until("2026-03-02T07:40:00Z")
    assert flows.told(flow_id) == ["02 07:31 started"]
    assert flows.read(flow_id)["next_runs"] == []


def test_nothing_is_due_outside_of_its_time(flows: Flows) -> None:
    flow_id = flows.every(1, starts_at="2026-03-02T07:35:00Z", ends_at="2026-03-02T07:37:00Z")
    flows.until("2026-03-02T07:40:00Z")
    assert flows.told(flow_id) == ["02 07:36 started", "02 07:37 started"]


def test_next_runs_are_five(flows: Flows) -> None:
    assert flows.read(flows.cron(WEEKDAYS))["next_runs"] == [
        "2026-03-02T08:00:00.000Z",
        "2026-03-03T08:00:00.000Z",
        "2026-03-04T08:00:00.000Z",
        "2026-03-05T08:00:00.000Z",
        "2026-03-06T08:00:00.000Z",
    ]


def test_jitter_delays_a_start_and_always_as_much(flows: Flows, clock: Clock) -> None:
    flow_id = flows.cron(WEEKDAYS, jitter_seconds=600)
    clock.set("2026-03-02T08:00:00Z")
    flows.work()
    [firing] = flows.firings(flow_id)
    assert "2026-03-02T08:00:00.000Z" < firing["starts_at"] <= "2026-03-02T08:10:00.000Z"
    assert (firing["outcome"], flows.runs()) == ("pending", [])
    clock.set(firing["starts_at"])
    flows.work()
    [firing] = flows.firings(flow_id)
    assert (firing["outcome"], len(flows.runs())) == ("started", 1)


def test_the_clock_of_the_database_decides(flows: Flows, clock: Clock) -> None:
    flow_id = flows.cron(WEEKDAYS)
    clock.pass_by(hours=1)
    clock.set_database(from_text("2026-03-02T07:59:59Z"))
    flows.watch()
    assert flows.told(flow_id) == []
    clock.set_database(from_text("2026-03-02T08:00:00Z"))
    flows.watch()
    assert flows.told(flow_id) == ["02 08:00 started"]


@pytest.mark.long
def test_a_clock_that_is_set_back_starts_nothing_twice(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(1)
    flows.until("2026-03-02T07:33:00Z")
    clock.set("2026-03-02T07:31:00Z")
    flows.until("2026-03-02T07:34:00Z")
    assert flows.told(flow_id) == [f"02 07:3{minute} started" for minute in (1, 2, 3, 4)]


def test_organizations_have_their_own(flows: Flows, world: World, clock: Clock) -> None:
    other = Flows(world, world.organization("Other"), clock)
    mine, theirs = flows.every(1), other.every(1)
    clock.pass_by(minutes=1)
    flows.work()
    assert (flows.told(mine), other.told(theirs)) == (["02 07:31 started"], ["02 07:31 started"])
    assert [len(one.runs()) for one in (flows, other)] == [1, 1]
