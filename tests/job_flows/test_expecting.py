"""Successes that are expected: their owner is told when one does not come in time, once, and also where the flow was paused."""

import pytest

from aasim_core.testing.mailbox import Inbox

from .conftest import Clock, Flows


@pytest.mark.long
def test_an_owner_is_told_when_nothing_has_succeeded_in_time(flows: Flows, clock: Clock, inbox: Inbox) -> None:
    flow_id = flows.every(10, expect_within_seconds=1_200)
    assert flows.read(flow_id)["expected_at"] == "2026-03-02T07:50:00.000Z"
    flows.until("2026-03-02T07:40:00Z")
    assert flows.read(flow_id)["expected_at"] == "2026-03-02T08:00:00.000Z"
    flows.switch(flow_id, "paused")
    flows.until("2026-03-02T08:00:00Z")
    flows.watch()
    read = flows.read(flow_id)
    assert (read["overdue_at"], read["expected_at"]) == ("2026-03-02T08:00:00.000Z", None)
    [told] = flows.events("job_flows.overdue")
    assert told.data == {"expected_at": "2026-03-02T08:00:00.000Z", "status": "paused"}
    [mail] = inbox.mails
    assert mail["Subject"] == "Job flow overdue: Report"
    clock.pass_by(minutes=30)
    flows.watch()
    assert len(flows.events("job_flows.overdue")) == 1


def test_a_success_ends_that_and_the_next_one_is_expected(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(10, expect_within_seconds=60)
    clock.pass_by(minutes=2)
    flows.watch()
    assert flows.read(flow_id)["overdue_at"] is not None
    flows.until("2026-03-02T07:40:00Z")
    read = flows.read(flow_id)
    assert (read["overdue_at"], read["expected_at"]) == (None, "2026-03-02T07:41:00.000Z")


def test_nothing_is_expected_of_what_is_disabled(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(10, expect_within_seconds=60)
    assert flows.switch(flow_id, "disabled").data["expected_at"] is None
    clock.pass_by(hours=1)
    flows.watch()
    assert flows.events("job_flows.overdue") == []
    assert flows.switch(flow_id, "active").data["expected_at"] == "2026-03-02T08:31:00.000Z"
    assert flows.patch(flow_id, expect_within_seconds=None).data["expected_at"] is None


@pytest.mark.long
def test_an_owner_is_told_when_a_flow_is_paused_since_it_fails(flows: Flows, inbox: Inbox) -> None:
    failing = flows.make_agent("Failing", parameters={"fault": "refused"})
    flows.every(1, agent_id=failing, auto_pause_after=1)
    flows.until("2026-03-02T07:31:00Z")
    assert [mail["Subject"] for mail in inbox.mails] == ["Job flow paused: Report"]
