"""Changing flows: what comes due by then is treated as the flow was, and nothing is due again."""

from datetime import timedelta

import pytest

from aasim_core.context import organization_scope
from aasim_plugins.job_flows.models import JobFlow

from ..conftest import Clock, Flows

_HOUR = timedelta(hours=1)


def test_what_was_due_before_a_change_starts_and_nothing_twice(flows: Flows, clock: Clock) -> None:
    flow_id = flows.cron("0 9 * * *")
    clock.set("2026-03-02T08:00:10Z")
    assert flows.patch(flow_id, trigger={"expression": "0 7,9,10 * * *"}).status == 200
    flows.work()
    assert flows.told(flow_id) == ["02 08:00 started"]
    flows.until("2026-03-02T09:00:00Z", step=_HOUR)
    assert flows.told(flow_id) == ["02 08:00 started", "02 09:00 started"]


def test_a_start_that_jitter_delays_survives_a_change(flows: Flows, clock: Clock) -> None:
    flow_id = flows.cron("0 9 * * *", jitter_seconds=3_600)
    clock.set("2026-03-02T08:00:00Z")
    flows.patch(flow_id, trigger={"expression": "0 12 * * *"})
    clock.set("2026-03-02T09:30:00Z")
    flows.work()
    assert flows.told(flow_id) == ["02 08:00 started"]


def test_a_change_of_the_name_does_not_reschedule(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(5)
    clock.pass_by(minutes=3)
    flows.patch(flow_id, name="Other")
    flows.until("2026-03-02T07:36:00Z")
    assert flows.told(flow_id) == ["02 07:35 started"]


def test_a_trigger_of_another_type_is_written_whole(flows: Flows) -> None:
    flow_id = flows.cron("0 9 * * *")
    changed = flows.patch(flow_id, trigger={"type": "interval", "seconds": 3_600})
    assert (changed.status, changed.data["trigger"]) == (200, {"type": "interval", "seconds": 3_600})
    assert flows.patch(flow_id, trigger={"type": "once"}).codes == {"trigger.due_at": ["required"]}


def test_a_past_time_is_kept_by_a_change_of_something_else(flows: Flows) -> None:
    flow_id = flows.make({"type": "once", "due_at": "2026-03-02T07:31:00Z"})
    flows.until("2026-03-02T07:32:00Z")
    body = {**{name: flows.read(flow_id)[name] for name in ("name", "trigger", "input")}, "description": "Once."}
    target = {"type": "agent", "id": flows.agent_id}
    assert flows.client.put(f"/job-flows/{flow_id}", {**body, "target": target}).status == 200


@pytest.mark.long
@pytest.mark.parametrize("status", ["paused", "disabled"])
def test_what_is_not_active_starts_nothing(flows: Flows, status: str) -> None:
    flow_id = flows.every(1)
    flows.until("2026-03-02T07:31:00Z")
    assert flows.switch(flow_id, status).data["next_runs"] == []
    flows.until("2026-03-02T07:34:00Z")
    flows.switch(flow_id, "active")
    flows.until("2026-03-02T07:35:00Z")
    between = {"paused": ["02 07:32 skipped paused x3"], "disabled": []}[status]
    assert flows.told(flow_id) == ["02 07:31 started", *between, "02 07:35 started"]


def test_what_is_about_to_start_is_skipped_when_the_flow_is_paused(flows: Flows, clock: Clock) -> None:
    flow_id = flows.cron("0 9 * * *", jitter_seconds=600)
    clock.set("2026-03-02T08:00:00Z")
    flows.work()
    flows.switch(flow_id, "paused")
    clock.pass_by(minutes=10)
    flows.work()
    assert flows.told(flow_id) == ["02 08:00 skipped paused"]


def test_a_flow_that_is_deleted_starts_nothing_and_leaves_no_firings(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(1)
    flows.until("2026-03-02T07:31:00Z")
    assert flows.client.delete(f"/job-flows/{flow_id}").status == 200
    flows.until("2026-03-02T07:33:00Z")
    assert (flows.rows(), len(flows.runs())) == (0, 1)


def test_a_new_version_of_the_agent_is_started_unless_one_is_named(flows: Flows, clock: Clock) -> None:
    target = {"type": "agent", "id": flows.agent_id}
    flows.every(1)
    flows.every(1, name="First", target={**target, "version": 1})
    flows.client.patch(f"/agents/{flows.agent_id}", {"instructions": "Anew."})
    flows.until("2026-03-02T07:31:00Z")
    assert sorted(run["agent_version"] for run in flows.runs()) == [1, 2]


def test_new_rules_of_a_time_zone_find_the_due_times_anew(flows: Flows, clock: Clock) -> None:
    flow_id = flows.cron("0 9 * * *")
    elsewhere = flows.make({"type": "interval", "seconds": 3_600}, name="Even")
    stale = {"zone_digest": "of-before", "next_due_at": "2026-03-02T07:00:00Z", "treated_until": "2026-03-01T09:00:00Z"}
    with organization_scope(flows.owner.organization_id):
        JobFlow.update(stale).where(JobFlow.id == flow_id).execute()
    flows.do("job_flows.renew")
    [told] = flows.events("job_flows.rescheduled")
    assert told.data == {
        "timezone": "Europe/Berlin",
        "before_at": "2026-03-02T07:00:00.000Z",
        "after_at": "2026-03-02T08:00:00.000Z",
    }
    assert flows.read(elsewhere)["next_runs"][0] == "2026-03-02T08:30:00.000Z"
    flows.do("job_flows.renew")
    assert len(flows.events("job_flows.rescheduled")) == 1
