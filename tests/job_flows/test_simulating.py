"""Simulations tell what then happens: the same rows, for whatever times no worker runs, and however long runs take."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.clock import from_text, now

from .conftest import SLEEPER, Clock, Flows

TOLD = ("due_at", "outcome", "reason", "marks", "count", "last_due_at")


def simulated(flows: Flows, flow_id: str, since: str, until: str, **more: Any) -> list[dict[str, Any]]:
    """What the simulation of the flow tells."""
    body = {"flow_id": flow_id, "since_at": since, "until_at": until, **more}
    return list(flows.client.post("/job-flows/simulate", body).data["firings"])


def rows(told: Iterable[dict[str, Any]]) -> list[list[Any]]:
    return [[one[name] for name in TOLD] for one in told]


def happen(flows: Flows, clock: Clock, until: str, outages: list[tuple[str, str]], step: timedelta) -> None:
    """Let the time come, with a worker that does at once what is due, but for the outages."""
    end = from_text(until)
    while now() < end:
        clock.set(min(now() + step, end))
        if not any(from_text(begin) <= now() < from_text(over) for begin, over in outages):
            flows.work()


@pytest.mark.long
@pytest.mark.parametrize(
    ("begin", "until", "step", "trigger", "fields", "outages"),
    [
        pytest.param(
            "2026-03-28T12:00:00Z",
            "2026-03-30T12:00:00Z",
            timedelta(minutes=30),
            {"type": "cron", "expression": "30 1-3 * * *", "timezone": "Europe/Berlin"},
            {"misfire": {"policy": "run_all", "max": 2}, "overlap": {"policy": "queue"}},
            [("2026-03-29T00:00:00Z", "2026-03-30T01:00:00Z")],
            id="the clock skips an hour, in an outage",
        ),
        pytest.param(
            "2026-10-24T12:00:00Z",
            "2026-10-26T12:00:00Z",
            timedelta(minutes=30),
            {"type": "cron", "expression": "0,30 2 * * *", "timezone": "Europe/Berlin", "dst_fold": "both"},
            {"calendar": {"only": "any_day", "excluded_dates": ["2026-10-26"]}},
            [("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")],
            id="the clock shows an hour twice, with an outage between",
        ),
        pytest.param(
            "2026-04-02T05:00:00Z",
            "2026-04-08T05:00:00Z",
            timedelta(hours=2),
            {"type": "interval", "seconds": 21_600},
            {"calendar": {"only": "business_days", "country": "DE"}, "misfire": {"policy": "skip"}},
            [("2026-04-02T09:00:00Z", "2026-04-03T13:00:00Z"), ("2026-04-07T01:00:00Z", "2026-04-07T19:00:00Z")],
            id="holidays, and outages that begin and end on them",
        ),
    ],
)
def test_what_is_simulated_then_happens(
    flows: Flows, clock: Clock, begin: str, until: str, step: timedelta, trigger: Any, fields: Any, outages: list[tuple[str, str]]
) -> None:
    clock.set(begin)
    flow_id = flows.make(trigger, **fields)
    down = [{"since_at": since, "until_at": over} for since, over in outages]
    told = simulated(flows, flow_id, begin, until, outages=down, run_seconds=1)
    happen(flows, clock, until, outages, step)
    assert rows(flows.firings(flow_id)) == rows(told)
    assert {"started", "missed"} <= {one["outcome"] for one in told}


@pytest.mark.long
@pytest.mark.parametrize(
    "overlap",
    [
        {"policy": "skip"}, {"policy": "queue", "max": 1}, {"policy": "latest_only"}, {"policy": "cancel_previous"},
        {"policy": "parallel", "max": 2},
    ],
)  # fmt: skip
def test_runs_that_overlap_are_simulated_as_they_are(
    flows: Flows, clock: Clock, sleepers: list[timedelta], overlap: dict[str, Any]
) -> None:
    sleepers[0] = timedelta(seconds=140)
    until = "2026-03-02T07:40:00Z"
    flow_id = flows.every(1, target=SLEEPER, overlap=overlap, ends_at="2026-03-02T07:36:00Z")
    told = simulated(flows, flow_id, "2026-03-02T07:30:00Z", until, run_seconds=140)
    happen(flows, clock, "2026-03-02T07:44:00Z", [], timedelta(seconds=20))
    assert rows(flows.firings(flow_id)) == rows(told)
    ends = [run["status"] == "cancelled" for run in flows.runs()]
    assert ends == [one["is_cancelled"] for one in told if one["outcome"] == "started"]


def test_a_schedule_that_no_flow_has_yet_is_simulated(flows: Flows) -> None:
    schedule = {"trigger": {"type": "cron", "expression": "0 * * * *"}, "overlap": {"policy": "queue", "max": 3}}
    body = {"schedule": schedule, "since_at": "2026-03-02T08:00:00Z", "until_at": "2026-03-02T10:00:00Z", "run_seconds": 5_400}
    found = flows.client.post("/job-flows/simulate", body).data["firings"]
    assert [(one["due_at"][11:16], one["begins_at"][11:16], one["ends_at"][11:16]) for one in found] == [
        ("09:00", "09:00", "10:30"),
        ("10:00", "10:30", "12:00"),
    ]


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({"until_at": "2026-03-01T00:00:00Z"}, {"until_at": ["out_of_range"]}),
        ({"until_at": "2028-03-02T00:00:00Z"}, {"until_at": ["out_of_range"]}),
        ({"until_at": "2026-06-02T00:00:00Z"}, {"until_at": ["out_of_range"]}),
        ({"flow_id": "flow_01h455vb4pex5vsknk084sn02q"}, {"flow_id": ["invalid_reference"]}),
        ({"schedule": {"trigger": {"type": "interval", "seconds": 1}}, "flow_id": None}, {"flow_id": ["null_not_allowed"]}),
    ],
)
def test_what_cannot_be_simulated_is_told(flows: Flows, more: dict[str, Any], codes: dict[str, list[str]]) -> None:
    body = {"flow_id": flows.every(1), "since_at": "2026-03-02T00:00:00Z", "until_at": "2026-03-02T01:00:00Z", **more}
    assert flows.client.post("/job-flows/simulate", body).codes == codes


def test_a_bad_schedule_is_named_with_its_place(flows: Flows) -> None:
    times = {"since_at": "2026-03-02T00:00:00Z", "until_at": "2026-03-02T01:00:00Z"}
    body = {"schedule": {"trigger": {"type": "interval", "seconds": 1}}, **times}
    assert flows.client.post("/job-flows/simulate", body).codes == {"schedule.trigger.seconds": ["out_of_range"]}
