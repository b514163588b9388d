"""Due times at which no worker ran: by the flow's policy none is made up for, one, or some; and calendars, which leave some out."""

import pytest

from ..conftest import Clock, Flows


def outage(flows: Flows, clock: Clock, policy: str, **more: int) -> list[str]:
    """What becomes of a flow that is due every ten minutes when no worker runs from 07:40 to 08:25."""
    flow_id = flows.every(10, misfire={"policy": policy, **more}, overlap={"policy": "queue"})
    flows.until("2026-03-02T07:40:00Z")
    clock.set("2026-03-02T08:25:00Z")
    flows.work()
    flows.until("2026-03-02T08:30:00Z")
    return flows.told(flow_id)


@pytest.mark.long
def test_what_was_missed_is_made_up_for_once(flows: Flows, clock: Clock) -> None:
    missed = "02 07:50 missed superseded x3"
    assert outage(flows, clock, "run_once") == ["02 07:40 started", missed, "02 08:20 started", "02 08:30 started"]
    assert flows.events("job_flows.missed")[0].data == {
        "count": 3,
        "first_due_at": "2026-03-02T07:50:00.000Z",
        "last_due_at": "2026-03-02T08:10:00.000Z",
    }


@pytest.mark.long
def test_what_was_missed_can_be_left(flows: Flows, clock: Clock) -> None:
    assert outage(flows, clock, "skip") == ["02 07:40 started", "02 07:50 missed late_is_skipped x4", "02 08:30 started"]


@pytest.mark.long
def test_all_that_was_missed_can_be_made_up_for_up_to_a_number(flows: Flows, clock: Clock) -> None:
    assert outage(flows, clock, "run_all", max=2) == [
        "02 07:40 started",
        "02 07:50 missed superseded x2",
        "02 08:10 started",
        "02 08:20 started",
        "02 08:30 started",
    ]


@pytest.mark.long
def test_what_is_later_than_the_window_is_missed(flows: Flows, clock: Clock) -> None:
    assert outage(flows, clock, "run_all", max=100, window_seconds=1_200) == [
        "02 07:40 started",
        "02 07:50 missed too_late x2",
        "02 08:10 started",
        "02 08:20 started",
        "02 08:30 started",
    ]


def test_a_time_that_is_not_late_stands_for_those_that_are(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(1, overlap={"policy": "queue"})
    clock.pass_by(minutes=5)
    flows.work()
    assert flows.told(flow_id)[-1] == "02 07:35 started"
    assert len(flows.runs()) == 2  # 07:34 is a minute late, which is not late yet


@pytest.mark.long
def test_a_year_without_a_worker_is_counted_and_started_once(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(30)
    clock.set("2027-03-02T07:45:00Z")
    flows.work()
    kinds = [(firing["outcome"], firing["reason"], firing["count"]) for firing in flows.firings(flow_id)]
    assert kinds == [("missed", "too_late", 17_472), ("missed", "superseded", 47), ("started", None, 1)]
    assert sum(count for *_, count in kinds) == 365 * 48


@pytest.mark.long
@pytest.mark.parametrize(
    ("calendar", "told"),
    [
        ({"only": "business_days", "country": "DE"}, ["03 skipped holiday", "06 skipped holiday", "07 started"]),
        ({"only": "business_days"}, ["03 started", "04 skipped not_a_business_day x2", "06 started"]),
        ({"only": "any_day", "excluded_dates": ["2026-04-04"]}, ["03 started", "04 skipped excluded_date", "05 started"]),
    ],
)
def test_a_calendar_leaves_due_times_out_and_the_flow_says_why(
    flows: Flows, clock: Clock, calendar: dict[str, object], told: list[str]
) -> None:
    flow_id = flows.cron("0 9 * 4 *", calendar=calendar)
    for day in range(1, 8):
        clock.set(f"2026-04-0{day}T07:00:00Z")
        flows.work()
    short = [line.replace(" 07:00", "") for line in flows.told(flow_id)]
    assert [line for line in told if line not in short] == []


def test_the_hours_and_holidays_of_a_branch_count(flows: Flows, clock: Clock) -> None:
    hours = [{"day": "monday", "opens": "09:00", "closes": "12:00"}, {"day": "wednesday", "opens": "09:00", "closes": "12:00"}]
    branch = {"name": "Tokyo", "timezone": "Asia/Tokyo", "business_hours": hours, "holidays": ["2026-03-04"]}
    branch_id = flows.client.post("/branches", branch).data["id"]
    calendar = {"only": "business_hours", "branch_id": branch_id}
    flow_id = flows.make({"type": "cron", "expression": "0 1,5 * * *"}, calendar=calendar)
    clock.set("2026-03-09T00:30:00Z")
    assert flows.read(flow_id)["next_runs"][:2] == ["2026-03-09T01:00:00.000Z", "2026-03-11T01:00:00.000Z"]
    flows.work()
    reasons = [(firing["due_at"][8:13], firing["reason"]) for firing in flows.firings(flow_id)]
    assert reasons == [("03T01", "not_a_business_day"), ("04T01", "holiday"), ("05T01", "not_a_business_day")]
