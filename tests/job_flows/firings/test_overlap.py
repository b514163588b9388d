"""Starts while runs of the flow go on: by the flow's policy they are left out, wait, take the place of others, or run beside them."""

from datetime import timedelta
from typing import Any

import pytest

from ..conftest import SLEEPER, Clock, Flows


@pytest.fixture(autouse=True)
def _each_takes_a_hundred_seconds(sleepers: list[timedelta]) -> None:
    sleepers[0] = timedelta(seconds=100)


def four_minutes(flows: Flows, policy: str, **more: int) -> tuple[list[str], list[str]]:
    """What becomes of a flow that is due every minute, four times, and how its runs end, the first one first."""
    flow_id = flows.every(1, target=SLEEPER, overlap={"policy": policy, **more}, ends_at="2026-03-02T07:34:00Z")
    flows.until("2026-03-02T07:34:20Z", step=timedelta(seconds=20))
    told = [line.partition(" 07:3")[2] for line in flows.told(flow_id)]
    flows.until("2026-03-02T07:44:00Z", step=timedelta(seconds=20))
    return told, [run["status"] for run in flows.runs()]


@pytest.mark.long
def test_a_start_is_left_out_while_a_run_goes_on(flows: Flows) -> None:
    told, ends = four_minutes(flows, "skip")
    assert told == ["1 started", "2 skipped overlap", "3 started", "4 skipped overlap"]
    assert ends == ["succeeded"] * 2


@pytest.mark.long
def test_a_start_waits_and_those_that_are_too_many_are_left_out(flows: Flows) -> None:
    told, ends = four_minutes(flows, "queue", max=1)
    assert told == ["1 started", "2 started", "3 started", "4 skipped overlap"]
    assert ends == ["succeeded"] * 3


@pytest.mark.long
def test_the_latest_takes_the_place_of_what_waits(flows: Flows, sleepers: list[timedelta]) -> None:
    sleepers[0] = timedelta(minutes=5)
    told, ends = four_minutes(flows, "latest_only")
    assert told == ["1 started", "2 started", "3 started", "4 started"]
    assert ends == ["succeeded", "cancelled", "cancelled", "succeeded"]


@pytest.mark.long
def test_the_run_before_is_cancelled(flows: Flows) -> None:
    told, ends = four_minutes(flows, "cancel_previous")
    assert told == ["1 started", "2 started", "3 started", "4 started"]
    assert ends == ["cancelled"] * 3 + ["succeeded"]


@pytest.mark.long
def test_so_many_run_beside_each_other(flows: Flows, sleepers: list[timedelta]) -> None:
    sleepers[0] = timedelta(seconds=140)
    told, ends = four_minutes(flows, "parallel", max=2)
    assert told == ["1 started", "2 started", "3 skipped overlap", "4 started"]
    assert ends == ["succeeded"] * 3


def test_what_is_started_by_hand_is_refused_while_a_run_goes_on(flows: Flows) -> None:
    flow_id = flows.make({"type": "manual"}, target=SLEEPER)

    def trigger(**body: Any) -> Any:
        return flows.client.post(f"/job-flows/{flow_id}/trigger", body)

    assert trigger().status == 202
    assert trigger().codes == {"_": ["too_many_at_once"]}
    assert trigger(force=True).status == 202


@pytest.mark.long
def test_flows_do_not_wait_for_each_other(flows: Flows, clock: Clock) -> None:
    for name in ("One", "Other"):
        flows.every(1, target=SLEEPER, name=name)
    clock.pass_by(minutes=1)
    flows.work()
    assert len(flows.runs()) == 2
