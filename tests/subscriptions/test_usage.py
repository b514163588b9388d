"""Usage: what was used of each limit, by whom, what it may become, and what it was on a day."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.clock import from_text, to_text
from aasim_core.context import organization_scope
from aasim_core.data.records import create
from aasim_core.ids import new_id
from aasim_core.testing.world import Person, World
from aasim_plugins.engines.calls.records import EngineCall
from aasim_plugins.executions.log import retention
from aasim_plugins.executions.models import Execution
from aasim_plugins.subscriptions.models import Subscription

Put = Callable[[str], None]
PROJECTS = new_id("project"), new_id("project")


@pytest.fixture
def now() -> Iterator[Any]:
    """Noon of the tenth of June, when a third of the month less half a day has passed."""
    with time_machine.travel("2026-06-10T12:00:00Z", tick=False) as clock:
        yield clock


@pytest.fixture
def owner(world: World, now: Any) -> Person:
    """The owner of an organization in Vienna, whose days begin at 22:00 in summer."""
    person = world.organization()
    assert person.client.patch(f"/organizations/{person.organization_id}", {"timezone": "Europe/Vienna"}).status == 200
    return person


def used_at(app: App, owner: Person, at: str, tokens: int, project_id: str | None = None) -> None:
    """Write a run and a call of an engine that were made then."""
    moment = from_text(at)
    with organization_scope(owner.organization_id), app.database.transaction():
        create(
            EngineCall,
            engine_id=new_id("engine"),
            model="m",
            outcome="answered",
            input_tokens=tokens,
            created_at=moment,
            project_id=project_id,
        )
        create(Execution, kind="agent", label="Run", trigger={"type": "api"}, created_at=moment, project_id=project_id)


def meters(owner: Person, path: str = "") -> dict[str, dict[str, Any]]:
    told = owner.client.get(f"/subscriptions/usage{path}").data
    return {meter["limit"]: meter for meter in told["meters"]}


def test_each_meter_tells_what_is_used_and_what_it_may_become(app: App, owner: Person, on_plan: Put) -> None:
    on_plan("small")
    used_at(app, owner, "2026-05-31T21:59:59.999Z", 1_000)  # still in May, in Vienna
    used_at(app, owner, "2026-05-31T22:00:00Z", 30)
    used_at(app, owner, "2026-06-10T11:59:00Z", 8)

    found = meters(owner)
    assert list(found) == ["users", "agents", "webhooks", "executions", "tokens"]
    reset = "2026-06-30T22:00:00.000Z"
    assert found["tokens"] == {
        "limit": "tokens", "used": 38, "max": 100, "percent": 38.0, "forecast": 38 * 720 // 230, "resets_at": reset, "groups": None,
    }  # fmt: skip
    assert (found["executions"]["used"], found["executions"]["percent"]) == (2, 40.0)
    assert (found["users"]["used"], found["users"]["max"], found["users"]["forecast"], found["users"]["resets_at"]) == (
        1,
        2,
        None,
        None,
    )


def test_without_a_plan_everything_is_counted_and_nothing_is_bounded(app: App, owner: Person) -> None:
    used_at(app, owner, "2026-06-02T00:00:00Z", 5)
    assert (meters(owner)["tokens"]["used"], meters(owner)["tokens"]["max"], meters(owner)["tokens"]["percent"]) == (
        5,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("group", "tokens"),
    [
        ("project", [{"key": PROJECTS[1], "used": 30}, {"key": PROJECTS[0], "used": 7}, {"key": None, "used": 1}]),
        ("agent", [{"key": None, "used": 38}]),
    ],
)
def test_usage_is_told_by_what_it_was_for(app: App, owner: Person, group: str, tokens: Any) -> None:
    for amount, project_id in ((1, None), (7, PROJECTS[0]), (10, PROJECTS[1]), (20, PROJECTS[1])):
        used_at(app, owner, "2026-06-03T00:00:00Z", amount, project_id)
    found = meters(owner, f"?group_by={group}")
    assert found["tokens"]["groups"] == tokens
    assert found["users"]["groups"] is None


def test_usage_by_day_has_each_day_of_the_time_zone_and_sums_to_the_whole(app: App, owner: Person) -> None:
    used_at(app, owner, "2026-06-02T21:59:59Z", 1)
    used_at(app, owner, "2026-06-02T22:00:00Z", 2)
    used_at(app, owner, "2026-06-10T10:00:00Z", 4)
    days = meters(owner, "?group_by=day")["tokens"]["groups"]
    assert [day["key"] for day in days] == [f"2026-06-{day:02}" for day in range(1, 11)]
    assert {day["key"]: day["used"] for day in days if day["used"]} == {"2026-06-02": 1, "2026-06-03": 2, "2026-06-10": 4}
    assert sum(day["used"] for day in days) == meters(owner)["tokens"]["used"] == 7


def test_usage_of_a_day_is_that_of_its_period_until_then(app: App, owner: Person, world: World, now: Any, on_plan: Put) -> None:
    used_at(app, owner, "2026-06-02T10:00:00Z", 1)
    used_at(app, owner, "2026-06-03T10:00:00Z", 2)
    on_plan("small")
    now.move_to("2026-07-05T12:00:00Z")
    owner = world.again(owner)
    used_at(app, owner, "2026-07-01T10:00:00Z", 50)

    then = owner.client.get("/subscriptions/usage/2026-06-02").data
    assert (then["plan_id"], then["starts_at"], then["counted_until_at"]) == (
        "unlimited", "2026-05-31T22:00:00.000Z", "2026-06-02T22:00:00.000Z",
    )  # fmt: skip
    assert [(meter["limit"], meter["used"], meter["max"]) for meter in then["meters"]] == [
        ("executions", 1, None),
        ("tokens", 1, None),
    ]
    assert meters(owner, "/2026-06-30")["tokens"]["used"] == 3
    assert meters(owner, "/2026-06-30")["tokens"]["max"] == 100
    assert meters(owner, "/2026-07-05")["tokens"]["used"] == meters(owner)["tokens"]["used"] == 50

    assert "a future day is not known" in owner.client.get("/subscriptions/usage/2026-07-06").body["message"]
    for none in ("2026-07-06", "0001-01-01", "9999-12-31", "2026-02-30", "yesterday", "20260601", "2026-W01-1"):
        assert owner.client.get(f"/subscriptions/usage/{none}").codes == {"_": ["not_found"]}


def test_what_is_remembered_of_a_day_is_what_a_new_process_counts(app: App, owner: Person, on_plan: Put) -> None:
    for hour in range(0, 200, 7):
        used_at(app, owner, f"2026-06-{1 + hour // 24:02}T{hour % 24:02}:00:00Z", hour + 1)
    first, again = meters(owner), meters(owner)
    app.stash._held.clear()
    assert first == again == meters(owner)
    with organization_scope(owner.organization_id):
        assert Subscription.select().count() == 0


def test_the_first_run_of_a_month_counts_on_its_last_day_however_short_runs_are_kept(
    app: App, owner: Person, on_plan: Put, now: Any
) -> None:
    settled = {"executions": {"record_days": 30}}
    assert owner.client.patch(f"/organizations/{owner.organization_id}", {"settings": settled}).status == 200
    for at in ("2026-06-30T21:59:59Z", "2026-06-30T22:00:00Z"):  # the last moment of June in Vienna, and the first one of July
        used_at(app, owner, at, 1)
    counted = []
    for moment in ("2026-07-31T21:00:00Z", "2026-07-31T22:00:00Z"):  # the last hour of July, and the first one of August
        now.move_to(moment)
        on_plan("small")
        with organization_scope(owner.organization_id):
            Execution.update(finished_at=Execution.created_at, status="succeeded").execute()
            retention.prune_some(app, owner.organization_id)
            counted.append(sorted(to_text(run.created_at) for run in Execution.select()))
    assert counted == [["2026-06-30T22:00:00.000Z"], []]


def test_a_plan_that_is_without_a_plugin_is_named_where_that_is_missed(app: App, owner: Person, on_plan: Put) -> None:
    on_plan("small")
    with organization_scope(owner.organization_id):
        told = app.features.explain_off("budgets", "this")
    assert told == "The plugin budgets, which brings this, is off for the organization. The plan Small is without budgets."
