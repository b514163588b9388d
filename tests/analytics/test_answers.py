"""What is answered: true numbers, for whoever may see them, in intervals of any time zone."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off
from aasim_plugins.analytics.rollups import rollup
from aasim_plugins.engines.service import EngineCall

from .conftest import AGENT, ENGINE, Ended, call

Go = Callable[[], None]


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    """It is eight o'clock, and stays so."""
    with time_machine.travel("2026-02-01T08:00:00Z", tick=False) as clock:
        yield clock


def ask(person: Person, path: str = "executions", **query: Any) -> dict[str, Any]:
    """The answer of an operation; ``since`` is what it calls from."""
    asked = {"from" if name == "since" else name: value for name, value in query.items()}
    answer = person.client.get(f"/analytics/{path}?{urlencode(asked)}")
    assert answer.status == 200, answer
    return dict(answer.data)


def rows(person: Person, path: str = "executions", **query: Any) -> list[dict[str, Any]]:
    """Its rows; a week is meant."""
    return list(ask(person, path, **query)["rows"])


def numbers(person: Person, *names: str, **query: Any) -> list[tuple[Any, ...]]:
    """Of each row, the parts of its group, and the numbers of these names."""
    return [(*row["group"].values(), *(row[name] for name in names)) for row in rows(person, **query)]


def test_the_numbers_are_those_of_the_rows(ended: Ended, owner: Person) -> None:
    for seconds in range(1, 101):
        ended("2026-01-31T10:00:00Z", seconds=seconds, score=0.25 if seconds % 2 else 0.75)
    ended("2026-01-31T10:00:00Z", status="failed", error_code="engine_error")
    ended("2026-01-31T10:00:00Z", status="cancelled", started_at=None, called=False)
    [row] = rows(owner, interval="total")
    assert (row["runs"], row["succeeded"], row["failed"], row["cancelled"], row["timed_out"]) == (102, 100, 1, 1, 0)
    assert (row["success_rate"], row["scored"], row["mean_score"]) == (round(100 / 101, 4), 100, 0.5)
    assert (row["calls"], row["input_tokens"], row["costs"]) == (101, 707, [{"currency": "EUR", "cost": 1010}])
    assert row["wait_ms"] == {"mean": 500, "p50": 495, "p95": 495}
    assert row["duration_ms"]["mean"] == round((5050 + 2) / 101 * 1000)
    assert abs(row["duration_ms"]["p50"] - 50_000) <= 500
    assert abs(row["duration_ms"]["p95"] - 95_000) <= 950


def test_what_is_written_and_what_is_not_yet_give_one_answer(ended: Ended, roll_up: Go, owner: Person, clock: Any) -> None:
    for at in ("2026-01-31T10:00:00Z", "2026-02-01T07:46:00Z", "2026-02-01T07:59:59Z"):
        ended(at)
    before = ask(owner, group_by="agent,status")
    roll_up()
    assert ask(owner, group_by="agent,status") == before
    assert sum(row["runs"] for row in before["rows"]) == 3
    clock.shift(timedelta(minutes=10))
    roll_up()
    assert sum(row["runs"] for row in rows(owner)) == 3


def test_what_was_spent_is_the_sum_of_the_calls_with_their_corrections(
    ended: Ended, roll_up: Go, owner: Person, app: App
) -> None:
    execution = ended("2026-01-31T10:00:00Z", cost=100)
    with organization_scope(owner.organization_id), app.database.transaction():
        call(execution, "2026-01-31T12:00:00Z", -30, outcome="correction", input_tokens=0, output_tokens=0)
        call(execution, "2026-01-31T12:00:00Z", 5, currency="USD")
        call(execution, "2026-01-31T12:00:00Z", None, currency=None)
    roll_up()
    [row] = rows(owner, interval="total")
    assert (row["costs"], row["calls"]) == ([{"currency": "EUR", "cost": 70}, {"currency": "USD", "cost": 5}], 3)
    [row] = rows(owner, interval="total", group_by="status")
    assert (row["costs"], row["calls"]) == ([{"currency": "EUR", "cost": 100}], None)


def test_a_real_run_is_counted_once_with_its_calls(app: App, owner: Person) -> None:
    price = {"input": 1_000_000, "output": 1_000_000, "currency": "EUR"}
    engine = owner.client.post("/engines", {"name": "Priced", "provider": "scripted", "prices": [price]}).data["id"]
    body = {"name": "Answers", "engine_id": engine, "parameters": {"replies": ["yes"]}}
    agent = owner.client.post("/agents", body).data["id"]
    assert owner.client.post(f"/agents/{agent}/execute", {"input": "Hello"}).status == 202
    work_off(app)
    with organization_scope(owner.organization_id):
        [made] = EngineCall.select()
    [row] = rows(owner, "agents")
    assert (row["group"], row["runs"], row["calls"]) == ({"agent_id": agent}, 1, 1)
    assert (row["input_tokens"], row["output_tokens"]) == (made.input_tokens, made.output_tokens)
    assert row["costs"] == [{"currency": "EUR", "cost": made.cost}]


def test_two_things_are_grouped_by(ended: Ended, owner: Person) -> None:
    ended("2026-01-31T10:00:00Z", subject_version=1)
    ended("2026-01-31T10:00:00Z", subject_version=2, trigger_type="schedule")
    ended("2026-01-31T10:00:00Z", subject_version=2, status="failed", error_code="engine_error", called=False)
    assert numbers(owner, "runs", "calls", interval="total", group_by="version,trigger") == [
        (1, "api", 1, 1),
        (2, "api", 1, 0),
        (2, "schedule", 1, 1),
    ]
    assert numbers(owner, "runs", interval="total", group_by="status,error") == [
        ("failed", "engine_error", 1),
        ("succeeded", None, 2),
    ]
    assert numbers(owner, "runs", interval="total", group_by="engine") == [(ENGINE, 3)]


def test_of_agents_only_what_is_theirs_is_counted(ended: Ended, owner: Person) -> None:
    ended("2026-01-31T10:00:00Z")
    ended("2026-01-31T10:00:00Z", kind="workflow", subject_type="workflow", subject_id="workflow_x", called=False)
    assert [row["group"] for row in rows(owner, "agents")] == [{"agent_id": AGENT}]
    assert [row["runs"] for row in rows(owner, interval="total")] == [2]


@pytest.mark.parametrize(
    ("interval", "timezone", "starts"),
    [
        ("hour", "UTC", ["31T10:00", "31T18:00"]),
        ("hour", "Asia/Kolkata", ["31T09:30", "31T18:30"]),
        ("day", "UTC", ["31T00:00"]),
        ("day", "Asia/Kolkata", ["30T18:30", "31T18:30"]),
        ("day", "Asia/Kathmandu", ["30T18:15", "31T18:15"]),
        ("week", "UTC", ["26T00:00"]),
        ("month", "America/New_York", ["25T08:15"]),
    ],
)
def test_intervals_begin_where_the_clocks_of_the_zone_say(
    ended: Ended, roll_up: Go, owner: Person, interval: str, timezone: str, starts: list[str]
) -> None:
    ended("2026-01-31T10:10:00Z")
    ended("2026-01-31T18:30:00Z")
    roll_up()
    found = rows(owner, interval=interval, timezone=timezone)
    assert [row["starts_at"][8:16] for row in found] == starts
    assert sum(row["runs"] for row in found) == 2


def test_the_day_on_which_clocks_are_changed_has_its_hours(ended: Ended, owner: Person) -> None:
    for hour in (22, 23):
        ended(f"2025-10-26T{hour}:30:00Z")
    asked = {"since": "2025-10-25T22:00:00Z", "to": "2025-10-27T23:00:00Z", "timezone": "Europe/Vienna"}
    assert [(row["starts_at"][5:16], row["ends_at"][5:16], row["runs"]) for row in rows(owner, interval="day", **asked)] == [
        ("10-25T22:00", "10-26T23:00", 1),
        ("10-26T23:00", "10-27T23:00", 1),
    ]


def test_places_above_are_grouped_by(ended: Ended, owner: Person) -> None:
    branch = place(owner, "branches", "Vienna")
    department = place(owner, "departments", "Support", branch_id=branch)
    ended("2026-01-31T10:00:00Z", project_id=place(owner, "projects", "Letters", department_id=department))
    ended("2026-01-31T10:00:00Z", project_id=place(owner, "projects", "Calls", branch_id=branch))
    ended("2026-01-31T10:00:00Z")
    assert numbers(owner, "runs", interval="total", group_by="branch,department") == [
        (branch, department, 1),
        (branch, None, 1),
        (None, None, 1),
    ]


def test_a_member_sees_the_numbers_of_where_they_may(ended: Ended, roll_up: Go, owner: Person, world: World) -> None:
    vienna, graz = place(owner, "branches", "Vienna"), place(owner, "branches", "Graz")
    calls = place(owner, "projects", "Calls", branch_id=graz)
    ended("2026-01-31T10:00:00Z", project_id=calls)
    ended("2026-02-01T07:59:00Z", project_id=calls)
    ended("2026-01-31T10:00:00Z")
    roll_up()
    for member, seen in ((world.member(owner, "viewer", vienna), 0), (world.member(owner, "viewer", graz), 2), (owner, 3)):
        assert sum(row["runs"] for row in rows(member, interval="total")) == seen


def test_numbers_of_another_organization_are_in_no_answer(
    app: App, ended: Ended, roll_up: Go, owner: Person, world: World
) -> None:
    canary = world.organization("Canary")
    ended("2026-01-31T10:00:00Z", of=canary, cost=123_456_789, subject_id="agent_canary", error_code="canary", status="failed")
    ended("2026-02-01T07:59:00Z", of=canary, cost=123_456_789, subject_id="agent_canary", error_code="canary", status="failed")
    with organization_scope(canary.organization_id):
        rollup.roll_up(app)
    roll_up()
    assert rows(canary) != []
    for path in ("executions", "agents"):
        for group in ("agent,version", "project,department", "branch,engine", "trigger,status", "error"):
            assert rows(owner, path, group_by=group) == []


def test_a_table_has_the_same_rows(ended: Ended, owner: Person) -> None:
    ended("2026-01-31T10:00:00Z", trigger_type="=SUM(A1)")
    answer = owner.client.get("/analytics/executions?format=csv&group_by=trigger,agent")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    [row] = csv.DictReader(io.StringIO(answer.body))
    assert (row["trigger"], row["agent_id"], row["runs"], row["cost_EUR"]) == ("'=SUM(A1)", AGENT, "1", "10")
    assert row["starts_at"] == "2026-01-31T00:00:00.000Z"


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ("from=1970-01-01T00:00:00Z&to=2970-01-01T00:00:00Z", "from", "ten years at most"),
        ("from=2026-02-02T00:00:00Z", "from", "nothing ends in the future"),
        ("from=2026-01-31T00:00:00Z&to=2026-01-30T00:00:00Z", "from", "2026-01-30T00:00:00"),
        ("from=2026-01-31T00:07:00Z", "from", "2026-01-31T00:00:00"),
        ("to=1970-01-01T00:00:00Z", "from", "1970-01-01T00:00:00"),
        ("to=2026-01-31T00:07:00Z", "to", "2026-01-31T00:00:00"),
        ("from=2025-01-31T00:00:00Z&interval=hour", "interval", "interval=day"),
        ("group_by=agent,nobody", "group_by", "one of agent, version"),
        ("group_by=agent,version,status", "group_by", "at most 2"),
        ("timezone=Europe/Vinna", "timezone", "Europe/Vienna"),
        ("interval=fortnight", "interval", "hour, day, week, month"),
    ],
)
def test_what_cannot_be_answered_is_told_what_to_write_instead(owner: Person, query: str, field: str, says: str) -> None:
    answer = owner.client.get(f"/analytics/executions?{query}")
    assert answer.status == 400
    [(name, problems)] = answer.body["errors"].items()
    assert name.partition(".")[0] == field
    assert says in problems[0]["message"]


def place(owner: Person, kind: str, name: str, **above: str) -> str:
    """A new place in the organization's tree; its id."""
    more = {"projects": {"key": name[:4].upper()}}.get(kind, {"code": name[:4].upper()})
    return str(owner.client.post(f"/{kind}", {"name": name, **more, **above}).data["id"])
