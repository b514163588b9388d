"""Backfills: due times of the past are started, the plan first, one after the other, each once."""

from datetime import timedelta
from typing import Any

import pytest

from .conftest import SLEEPER, Clock, Flows

DAY = {"since_at": "2026-03-01T00:00:00Z", "until_at": "2026-03-02T00:00:00Z"}


def backfill(flows: Flows, flow_id: str, **body: Any) -> Any:
    return flows.client.post(f"/job-flows/{flow_id}/backfill", {**DAY, **body})


def progress(flows: Flows, flow_id: str) -> dict[str, Any]:
    [found] = flows.client.get(f"/job-flows/{flow_id}/backfills").data["items"]
    return {name: found[name] for name in ("count", "done", "refused", "status")}


@pytest.mark.long
def test_the_plan_is_told_first(flows: Flows) -> None:
    flow_id = flows.cron("0 */6 * * *")
    told = backfill(flows, flow_id, dry_run=True)
    assert told.status == 200
    assert told.data == {
        "since_at": "2026-03-01T00:00:00.000Z",
        "until_at": "2026-03-02T00:00:00.000Z",
        "only": "missing",
        "count": 4,
        "due_times": [f"2026-03-01T{hour:02}:00:00.000Z" for hour in (5, 11, 17, 23)],
        "estimated_costs": [],
        "backfill_id": None,
    }
    assert flows.rows() == 0


@pytest.mark.long
def test_what_is_missing_is_started_for_its_own_due_time(flows: Flows) -> None:
    flow_id = flows.cron("0 */6 * * *", input="{{ due.at }}")
    asked = backfill(flows, flow_id)
    assert (asked.status, asked.data["count"]) == (202, 4)
    assert asked.headers["location"].endswith(f"/job-flows/{flow_id}/backfills/{asked.data['backfill_id']}")
    flows.work()
    assert [run["input"] for run in flows.runs()] == asked.data["due_times"]
    assert progress(flows, flow_id) == {"count": 4, "done": 4, "refused": 0, "status": "done"}
    assert flows.events("job_flows.backfilled")[0].data["count"] == 4


@pytest.mark.long
def test_what_was_started_is_not_missing(flows: Flows) -> None:
    flow_id = flows.every(10)
    flows.until("2026-03-02T07:50:00Z")
    flows.switch(flow_id, "paused")
    flows.until("2026-03-02T08:10:00Z")
    told = backfill(flows, flow_id, until_at=None, dry_run=True).data
    assert (told["count"], told["due_times"][0]) == (1, "2026-03-02T08:00:00.000Z")
    assert backfill(flows, flow_id, until_at=None, only="all", dry_run=True).data["count"] == 3


@pytest.mark.long
def test_what_failed_is_started_again(flows: Flows, clock: Clock) -> None:
    failing = flows.make_agent("Failing", parameters={"fault": "refused"})
    flow_id = flows.every(10, agent_id=failing)
    flows.until("2026-03-02T07:50:00Z")
    flows.client.patch(f"/agents/{failing}", {"parameters": {"replies": ["Done."]}})
    flows.until("2026-03-02T08:00:00Z")
    asked = backfill(flows, flow_id, only="failed", until_at="2026-03-03T00:00:00Z")
    assert (asked.data["count"], asked.data["until_at"]) == (2, "2026-03-02T08:00:00.000Z")
    flows.work()
    assert [run["status"] for run in flows.runs()] == ["failed", "failed", "succeeded", "succeeded", "succeeded"]
    assert backfill(flows, flow_id, only="failed", until_at=None, dry_run=True).data["count"] == 0


def test_asking_twice_starts_nothing_twice(flows: Flows) -> None:
    flow_id = flows.cron("0 */6 * * *")
    assert [backfill(flows, flow_id).data["count"] for _ in range(2)] == [4, 0]
    flows.work()
    assert backfill(flows, flow_id).status == 200
    assert len(flows.runs()) == 4


@pytest.mark.long
def test_one_run_follows_the_other(flows: Flows, sleepers: list[timedelta]) -> None:
    flow_id = flows.cron("0 */6 * * *", target=SLEEPER)
    backfill(flows, flow_id)
    flows.until("2026-03-02T07:30:30Z", step=timedelta(seconds=30))
    assert [run["status"] for run in flows.runs()] == ["waiting"]
    assert progress(flows, flow_id) == {"count": 4, "done": 1, "refused": 0, "status": "running"}
    flows.until("2026-03-02T07:34:30Z", step=timedelta(seconds=30))
    assert progress(flows, flow_id) == {"count": 4, "done": 4, "refused": 0, "status": "done"}


@pytest.mark.long
def test_a_flow_that_is_paused_stops_its_backfill(flows: Flows, sleepers: list[timedelta]) -> None:
    flow_id = flows.cron("0 */6 * * *", target=SLEEPER)
    backfill(flows, flow_id)
    flows.work()
    flows.switch(flow_id, "paused")
    flows.until("2026-03-02T07:32:00Z")
    assert progress(flows, flow_id)["done"] == 1
    flows.switch(flow_id, "active")
    flows.watch()
    flows.until("2026-03-02T07:36:00Z")
    assert progress(flows, flow_id)["status"] == "done"


@pytest.mark.long
def test_a_backfill_of_too_much_is_refused(flows: Flows) -> None:
    flow_id = flows.every(1)
    flows.patch(flow_id, starts_at="2026-01-01T00:00:00Z")
    assert backfill(flows, flow_id, since_at="2026-01-01T00:00:00Z").codes == {"until_at": ["out_of_range"]}


@pytest.mark.long
@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        ("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z", "until_at"),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "until_at"),
        ("2027-03-01T00:00:00Z", "2027-03-02T00:00:00Z", "since_at"),
        ("2027-03-01T00:00:00Z", None, "since_at"),
    ],
)
def test_an_interval_without_a_time_in_the_past_is_refused(flows: Flows, since: str, until: str | None, field: str) -> None:
    answer = backfill(flows, flows.every(1), since_at=since, until_at=until)
    assert (answer.status, list(answer.body["errors"])) == (422, [field])


def test_what_it_will_cost_is_told_by_what_runs_have_cost(flows: Flows) -> None:
    prices = [{"input": 1_000_000, "output": 1_000_000, "currency": "EUR"}]
    engine = flows.client.post("/engines", {"name": "Priced", "provider": "scripted", "prices": prices}).data
    agent_id = flows.make_agent("Priced", engine_id=engine["id"])
    flow_id = flows.every(10, agent_id=agent_id)
    flows.until("2026-03-02T07:40:00Z")
    [run] = flows.runs()
    flows.patch(flow_id, starts_at="2026-03-02T07:00:00Z")
    told = backfill(flows, flow_id, until_at=None, dry_run=True).data
    assert told["count"] == 3
    assert told["estimated_costs"] == [{"currency": "EUR", "cost": 3 * run["usage"]["cost"]}]
