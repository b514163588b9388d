"""Sums of hours, six hours and days: an answer that is made of them is the one that is made of the rows."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.clock import from_text
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person
from aasim_plugins.analytics import answers
from aasim_plugins.analytics.models import Progress, Sum
from aasim_plugins.analytics.periods import BEGINNING, INTERVALS, starts
from aasim_plugins.analytics.rollups import sources, verification, views

from .conftest import Decided, Ended

Go = Callable[[], None]
_SINCE, _UNTIL = from_text("2026-01-28T05:15:00Z"), from_text("2026-02-01T08:15:00Z")
_GROUPS = (
    (),
    ("agent",),
    ("version", "status"),
    ("project", "engine"),
    ("trigger", "error"),
    ("agent", "project"),
    ("branch", "trigger"),
)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    """It is eight o'clock, and stays so."""
    with time_machine.travel("2026-02-01T08:00:00Z", tick=False) as clock:
        yield clock


@pytest.fixture
def many(ended: Ended, decided: Decided) -> None:
    """Executions of four days, of every kind, and what people decided about some."""
    for number in range(40):
        at = datetime(2026, 1, 28, 6, 7, tzinfo=UTC) + timedelta(minutes=number * 145)
        run = ended(
            at.isoformat(), seconds=number, cost=number, subject_id=f"agent_{number % 3}" if number % 4 else None,
            subject_type="agent" if number % 4 else None, subject_version=number % 2, project_id=f"project_{number % 2}",
            status=("succeeded", "failed", "cancelled")[number % 3], error_code="code" if number % 3 else None,
            trigger_type=("api", "schedule")[number % 2], engine_id=f"engine_{number % 5}", score=number / 40,
        )  # fmt: skip
        if number % 2:
            decided(at.isoformat(), of_run=run, seconds=number, status=("approved", "rejected", "expired")[number % 3])


def every_answer(app: App, owner: Person) -> list[Any]:
    """What is answered to everything."""
    found = []
    zones = (ZoneInfo(name) for name in ("UTC", "Asia/Kolkata", "America/New_York"))
    with organization_scope(owner.organization_id):
        for zone, interval, groups in product(zones, INTERVALS, _GROUPS):
            intervals = list(starts(_SINCE, _UNTIL, interval, zone))
            found.append(answers.rows(app, answers.Asked(intervals, _UNTIL, groups)))
        found.append(answers.rows(app, answers.Asked([_SINCE], _UNTIL, ("trigger", "status"), {"project_1"}, agents_only=True)))
    return found


def differing(some: list[Any], others: list[Any]) -> list[int]:
    """Which answers differ; the answers themselves are too long to be compared by pytest."""
    return [number for number, (one, other) in enumerate(zip(some, others, strict=True)) if one != other]


def levels(owner: Person, *group_by: str, zone: str = "UTC", interval: str = "day") -> list[str]:
    """Of what an answer is made."""
    with organization_scope(owner.organization_id):
        intervals = list(starts(_SINCE, _UNTIL, interval, ZoneInfo(zone)))
        plan = sources._plan(sources._marks(), intervals, _UNTIL, views.view_of(group_by))
        return [level for level, _, _ in plan]


def set_marks(owner: Person, *names: str) -> None:
    """As if there were nothing of these yet."""
    with organization_scope(owner.organization_id):
        Progress.update({getattr(Progress, name): BEGINNING for name in names}).execute()


@pytest.mark.long
@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("timezone", ["UTC", "Asia/Kolkata"])
def test_whatever_an_answer_is_made_of_it_is_the_same(app: App, roll_up: Go, owner: Person, timezone: str) -> None:
    assert owner.client.patch(f"/organizations/{owner.organization_id}", {"timezone": timezone}).status == 200
    roll_up()
    assert "day" in levels(owner, "agent", "status", zone=timezone)
    of_sums = every_answer(app, owner)
    set_marks(owner, "hours_until", "six_hours_until", "days_until")
    assert differing(of_sums, every_answer(app, owner)) == []
    set_marks(owner, "written_until")
    assert differing(of_sums, every_answer(app, owner)) == []
    assert sum(row["runs"] for row in of_sums[0]) == 40
    assert sum(row["approved"] + row["rejected"] + row["expired"] for row in of_sums[0]) == 20


@pytest.mark.long
@pytest.mark.usefixtures("many")
def test_an_answer_is_made_of_the_coarsest_that_there_is(roll_up: Go, owner: Person) -> None:
    assert levels(owner, "agent") == ["rows"]
    roll_up()
    assert levels(owner, "agent") == ["quarters", "six_hours", "day", "six_hours", "hour", "quarters", "rows"]
    assert levels(owner, "agent", interval="hour") == ["quarters", "hour", "quarters", "rows"]
    assert levels(owner, "engine", "trigger", interval="hour") == ["quarters", "hour", "quarters", "rows"]
    assert levels(owner, "agent", "engine", "trigger") == ["quarters", "rows"]


@pytest.mark.long
@pytest.mark.usefixtures("many")
def test_sums_are_made_again_where_a_quarter_has_changed(roll_up: Go, owner: Person, ended: Ended, app: App) -> None:
    roll_up()
    before = every_answer(app, owner)[0]
    ended("2026-01-31T10:00:00Z")
    with organization_scope(owner.organization_id), app.database.transaction():
        Progress.update(settled_until=datetime(2026, 1, 31, tzinfo=UTC)).execute()
    roll_up()
    after = every_answer(app, owner)[0]
    assert sum(row["runs"] for row in after) == sum(row["runs"] for row in before) + 1
    assert "day" in levels(owner)


@pytest.mark.long
@pytest.mark.usefixtures("many")
def test_another_time_zone_of_the_organization_makes_other_days(app: App, roll_up: Go, owner: Person) -> None:
    roll_up()
    before = every_answer(app, owner)
    assert owner.client.patch(f"/organizations/{owner.organization_id}", {"timezone": "America/New_York"}).status == 200
    roll_up()
    assert (levels(owner, zone="UTC").count("day"), levels(owner, zone="America/New_York").count("day")) == (0, 1)
    assert differing(before, every_answer(app, owner)) == []


@pytest.mark.long
@pytest.mark.usefixtures("many")
def test_days_of_another_time_zone_are_made_of_six_hours_and_hours(roll_up: Go, owner: Person) -> None:
    roll_up()
    made_of = ["quarters", *["six_hours", "hour"] * 4, "quarters", "rows"]
    assert levels(owner, "agent", "status", zone="America/New_York") == made_of
    assert levels(owner, "agent", "status", zone="Asia/Kolkata").count("hour") > 1
    assert "day" in levels(owner, "agent", "status", zone="America/New_York", interval="total")


@pytest.mark.long
@pytest.mark.usefixtures("many")
def test_of_days_long_past_only_small_views_have_hours(
    app: App, roll_up: Go, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    roll_up()
    before = every_answer(app, owner)
    set_marks(owner, "hours_until", "six_hours_until", "days_until")
    monkeypatch.setattr(views, "ALL_HOURS", timedelta(days=1))
    roll_up()
    assert levels(owner, "agent", "status", zone="America/New_York")[0] == "quarters"
    assert differing(before, every_answer(app, owner)) == []
    with organization_scope(owner.organization_id):
        early = Sum.select().where(Sum.level != "day", Sum.starts_at < from_text("2026-01-30T00:00:00Z"))
        assert {row.view for row in early} == {view.name for view in views.SMALL}


@pytest.mark.long
@pytest.mark.usefixtures("many")
def test_a_verification_finds_sums_that_are_not_those_of_their_quarters(roll_up: Go, owner: Person, app: App) -> None:
    roll_up()
    day, hour = from_text("2026-01-29T00:00:00Z"), from_text("2026-01-30T06:00:00Z")
    with organization_scope(owner.organization_id):
        assert verification.verify(app, _SINCE, from_text("2026-02-01T00:00:00Z")).sums == []
        with app.database.transaction():
            Sum.update(content="[]").where(Sum.level == "day", Sum.starts_at == day, Sum.view == "agent").execute()
            assert Sum.delete().where(Sum.level == "hour", Sum.starts_at == hour, Sum.view == "status").execute() == 1
        found = verification.verify(app, _SINCE, from_text("2026-02-01T00:00:00Z"))
    assert (found.sums, found.differing) == ([(hour, "hour"), (day, "day")], [])
