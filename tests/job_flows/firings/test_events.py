"""Flows that events start: those that a pattern and a filter mean, once each, and never by what they have led to themselves."""

from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_plugins.job_flows.models import Firing

from ..conftest import Clock, Flows


def on(flows: Flows, pattern: str, expression: str | None = None, **fields: Any) -> str:
    """A flow that is started by such events; returns its id. A second passes, so that everybody knows of it."""
    trigger = {"type": "event", "pattern": pattern, **({"filter": expression} if expression else {})}
    flow_id = flows.make(trigger, **{"input": "{{ event.subject.label }}", **fields})
    flows.work()
    return flow_id


def outcomes(flows: Flows, flow_id: str) -> list[tuple[str, str | None, int]]:
    return [(one["outcome"], one["reason"], one["count"]) for one in flows.firings(flow_id)]


def test_an_event_starts_a_run_that_is_told_of_it(flows: Flows) -> None:
    flow_id = on(flows, "agents.created", overlap={"policy": "parallel"})
    for name in ("One", "Other"):
        flows.make_agent(name)
    flows.work()
    assert outcomes(flows, flow_id) == [("started", None, 1)] * 2
    assert sorted(run["input"] for run in flows.runs()) == ["One", "Other"]
    assert {one["origin"] for one in flows.firings(flow_id)} == {"event"}


def test_other_events_start_nothing(flows: Flows) -> None:
    flow_id = on(flows, "agents.deleted")
    flows.make_agent("One")
    flows.work()
    assert flows.told(flow_id) == []


def test_a_filter_leaves_events_out(flows: Flows) -> None:
    flow_id = on(flows, "agents.*", 'event.subject.label.startsWith("Re")')
    for name in ("Reporter", "Clerk"):
        flows.make_agent(name)
    flows.work()
    assert outcomes(flows, flow_id) == [("started", None, 1)]


def test_a_filter_that_has_no_value_is_told(flows: Flows) -> None:
    flow_id = on(flows, "agents.created", "event.data.amount > 100")
    flows.make_agent("One")
    flows.work()
    assert outcomes(flows, flow_id) == [("skipped", "filter_has_no_value", 1)]


def test_a_flow_that_is_paused_is_not_started_by_events(flows: Flows) -> None:
    paused, disabled = on(flows, "agents.created"), on(flows, "agents.created", name="Off")
    flows.switch(paused, "paused")
    flows.switch(disabled, "disabled")
    for name in ("One", "Other"):
        flows.make_agent(name)
    flows.work()
    assert (outcomes(flows, paused), outcomes(flows, disabled)) == ([("skipped", "paused", 1)] * 2, [])


def test_a_flow_does_not_start_itself(flows: Flows) -> None:
    flow_id = on(flows, "executions.succeeded")
    elsewhere = flows.client.post(f"/agents/{flows.agent_id}/execute", {"input": "By hand."})
    assert elsewhere.status == 202
    flows.work()
    assert outcomes(flows, flow_id) == [("started", None, 1), ("skipped", "loop", 1)]


@pytest.mark.long
def test_flows_that_start_each_other_come_to_an_end(flows: Flows) -> None:
    first, second = on(flows, "executions.succeeded"), on(flows, "executions.succeeded", name="Second")
    flows.client.post(f"/agents/{flows.agent_id}/execute", {"input": "By hand."})
    flows.work()
    reasons = {flow_id: [reason for _, reason, _ in outcomes(flows, flow_id)] for flow_id in (first, second)}
    assert all(set(each) <= {None, "loop", "overlap"} and "loop" in each for each in reasons.values())
    assert len(flows.runs()) <= 5


def test_a_flow_is_not_started_by_news_of_itself(flows: Flows) -> None:
    flow_id = on(flows, "job_flows.*", 'event.type == "job_flows.refused"')
    flows.client.delete(f"/agents/{flows.agent_id}")
    other = flows.make_agent("Other")
    refused = flows.every(1, name="Refused", agent_id=other)
    flows.client.delete(f"/agents/{other}")
    flows.until("2026-03-02T07:31:00Z")
    assert flows.told(refused) == ["02 07:31 refused not_found"]
    assert [(outcome, reason) for outcome, reason, _ in outcomes(flows, flow_id)] == [
        ("refused", "not_found"),
        ("skipped", "loop"),
    ]


def test_what_happens_in_a_run_tells_which_firing_led_to_it(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(1)
    flows.until("2026-03-02T07:31:00Z")
    [firing] = flows.firings(flow_id)
    [ended] = flows.events("executions.succeeded")
    assert (ended.request_id or "").partition(".")[0] == firing["id"]


def test_what_an_event_told_is_kept_until_something_starts(flows: Flows) -> None:
    on(flows, "agents.created", overlap={"policy": "skip"})
    for name in ("One", "Other"):
        flows.make_agent(name)
    flows.work()
    with organization_scope(flows.owner.organization_id):
        assert {(firing.outcome, firing.payload is None) for firing in Firing.select()} == {("started", True), ("skipped", False)}


@pytest.mark.parametrize(
    ("trigger", "codes"),
    [
        ({"type": "event"}, {"trigger.pattern": ["required"]}),
        ({"type": "event", "pattern": "agents.vanished"}, {"trigger.pattern": ["invalid_choice"]}),
        ({"type": "event", "pattern": "agents"}, {"trigger.pattern": ["invalid_format"]}),
        ({"type": "event", "pattern": "agents.*", "filter": "body.id"}, {"trigger.filter": ["invalid_format"]}),
    ],
)
def test_events_that_there_are_not_are_refused(flows: Flows, trigger: dict[str, Any], codes: dict[str, list[str]]) -> None:
    assert flows.ask(trigger).codes == codes


def test_an_input_that_names_an_event_is_for_events_only(flows: Flows) -> None:
    flow_id = on(flows, "agents.created")
    assert flows.patch(flow_id, trigger={"type": "manual"}).codes == {"input": ["invalid_format"]}
    assert flows.client.post(f"/job-flows/{flow_id}/trigger", {}).codes == {"input": ["invalid_format"]}
    assert flows.client.post(f"/job-flows/{flow_id}/trigger", {"input": "By hand."}).status == 202
