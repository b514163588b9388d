"""What leads to itself ends: where flows start each other, and where that leaves the installation and comes back."""

from typing import Any

import pytest

from aasim_core.testing.mailbox import Inbox

from ..conftest import MOST_CAUSED, Flows
from ..test_hooks import NONE, Hook, hook

PING = "custom.ping"


def pinging(flows: Flows) -> dict[str, Any]:
    """A workflow that emits a ping, as a target."""
    definition = {"language": 1, "nodes": [{"id": "ping", "type": "emit_event", "config": {"name": PING}}], "edges": []}
    made = flows.client.post("/workflows", {"name": "Ping", "status": "active", "definition": definition})
    return {"type": "workflow", "id": made.data["id"]}


def on_pings(flows: Flows, count: int) -> list[str]:
    """So many flows, each of which a ping starts, and whose runs emit the next one; a first ping is emitted."""
    target = pinging(flows)
    shape = {"target": target, "input": "Go.", "overlap": {"policy": "parallel", "max": 100}}
    made = [flows.make({"type": "event", "pattern": PING}, name=f"Ping {number}", **shape) for number in range(count)]
    flows.work()
    flows.client.post(f"/workflows/{target['id']}/execute", {"input": "Go."})
    flows.work()
    return made


@pytest.mark.parametrize("count", range(2, 7))
def test_an_event_leads_to_a_limited_number_of_starts(flows: Flows, count: int) -> None:
    firings = [one for flow_id in on_pings(flows, count) for one in flows.firings(flow_id)]
    started = [one for one in firings if one["outcome"] == "started"]
    assert {(one["outcome"], one["reason"]) for one in firings} == {("started", None), ("skipped", "loop")}
    assert (
        2 * count <= len(started) <= count + MOST_CAUSED
    )  # those of the first ping, which nothing has led to, and what they led to


def test_the_owner_is_told_once_that_flows_start_each_other(flows: Flows, inbox: Inbox) -> None:
    skipped = {flow_id: [one for one in flows.firings(flow_id) if one["outcome"] == "skipped"] for flow_id in on_pings(flows, 5)}
    explained = [one["explanation"] for each in skipped.values() for one in each if one["explanation"]]
    assert len(explained) > 1
    assert all(f"has led to {MOST_CAUSED} starts" in each for each in explained)
    assert [str(mail["Subject"]).partition(":")[0] for mail in inbox.mails] == ["Job flows start each other"]
    assert len(flows.events("job_flows.skipped")) == sum(map(len, skipped.values()))


def cause_of(flows: Flows, around: Hook) -> str:
    """What requests that the last run of the flow sends name as their cause."""
    [*_, ended] = flows.events("executions.succeeded")
    assert ended.request_id is not None
    assert ended.request_id.partition(".")[0] == flows.firings(around.flow_id)[-1]["id"]
    return ended.request_id


def test_a_request_that_a_run_has_caused_does_not_start_its_flow_again(flows: Flows) -> None:
    around, other = hook(flows, NONE), hook(flows, NONE, name="Other")
    around.send()
    flows.work()
    cause = cause_of(flows, around)
    for each in (around, other):
        assert each.send(Aasim_Cause=cause).status == 202
    flows.work()
    assert (around.told(), other.told()) == (["started", "skipped loop"], ["started"])


def test_requests_that_one_run_has_caused_are_limited(flows: Flows) -> None:
    first, other = hook(flows, NONE), hook(flows, NONE, name="Other")
    first.send()
    flows.work()
    cause = cause_of(flows, first)
    for _ in range(MOST_CAUSED + 2):
        other.send(Aasim_Cause=cause)
    assert other.told() == ["pending"] * MOST_CAUSED + ["skipped loop"] * 2


def test_a_cause_that_is_not_signed_here_is_none(flows: Flows) -> None:
    around = hook(flows, NONE)
    around.send()
    flows.work()
    firing_id, _, signature = cause_of(flows, around).partition(".")
    forged = f"{firing_id}.{signature[::-1]}"
    for cause in (firing_id, forged):
        around.send(Aasim_Cause=cause)
    assert around.told() == ["started", "pending", "pending"]
