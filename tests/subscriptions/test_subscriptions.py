"""Subscribing, cancelling and renewing: what acts when, what it costs, and what is told of it."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.jobs.queue import enqueue
from aasim_core.jobs.records import DONE, JobRow
from aasim_core.openapi import document
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off
from aasim_plugins.subscriptions import service
from aasim_plugins.subscriptions.commands import assign as command
from aasim_plugins.subscriptions.jobs import due as organizations_due

from .conftest import PLANS, PRICE, events_of

Put = Callable[[str], None]
NOON = "2026-06-16T00:00:00Z"
DAY = 24 * 3600


def current(owner: Person) -> dict[str, Any]:
    return dict(owner.client.get("/subscriptions/current").data)


def history(owner: Person) -> list[dict[str, Any]]:
    return list(owner.client.get("/subscriptions/history?sort=starts_at").data["items"])


def work_through_periods(app: App) -> None:
    """Do what the schedule would do now."""
    with system_scope("start the job as its schedule does"), app.database.transaction():
        job_id = enqueue("subscriptions.renew", {})
    work_off(app)
    with system_scope("look at the job"):
        assert JobRow.get_by_id(job_id).state == DONE


def due(app: App) -> list[str]:
    with system_scope("look for what is due in a test"):
        return list(organizations_due())


def test_an_organization_without_a_subscription_is_on_the_default_plan(owner: Person) -> None:
    found = current(owner)
    assert (found["plan"]["id"], found["plan"]["limits"], found["subscription"]) == ("unlimited", {}, None)
    assert history(owner) == []


def test_a_plan_that_takes_nothing_away_acts_now_and_the_period_is_charged_in_parts(
    app: App, world: World, owner: Person, on_plan: Put
) -> None:
    with time_machine.travel("2026-06-01T00:00:00Z", tick=False) as clock:
        on_plan("small")
        clock.move_to(NOON)
        owner = world.again(owner)
        answer = owner.client.post("/subscriptions/subscribe", {"plan_id": "team"})

        assert (answer.status, answer.data["plan_id"], answer.data["amount"]) == (201, "team", 14_500_001)
        assert current(owner)["plan"]["id"] == "team"
        assert [(each["plan_id"], each["status"], each["amount"]) for each in history(owner)] == [
            ("small", "ended", 4_999_999),
            ("team", "current", 14_500_001),
        ]
        assert events_of(owner, "subscriptions.subscribed")[-1] == {
            "plan_id": "team",
            "previous_plan_id": "small",
            "effective_at": "2026-06-16T00:00:00.000Z",
        }


def test_a_plan_that_takes_something_away_acts_at_the_end_of_the_period(
    app: App, world: World, owner: Person, on_plan: Put
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        on_plan("team")
        owner = world.again(owner)
        answer = owner.client.post("/subscriptions/subscribe", {"plan_id": "small"})
        assert (answer.status, answer.data["plan_id"], answer.data["next_plan_id"]) == (201, "team", "small")
        assert events_of(owner, "subscriptions.change_scheduled")[0]["effective_at"] == "2026-07-01T00:00:00.000Z"
        assert due(app) == []

        clock.move_to("2026-07-01T00:00:00Z")
        work_through_periods(app)
        owner = world.again(owner)
        assert current(owner)["plan"]["id"] == "small"
        assert [(each["plan_id"], each["amount"]) for each in history(owner)] == [("team", 14_500_001), ("small", 9_999_999)]
        assert len(events_of(owner, "subscriptions.changed")) == 1
        assert due(app) == []


def test_the_organization_is_shown_with_its_plan(owner: Person, on_plan: Put) -> None:
    path = f"/organizations/{owner.organization_id}"
    before = owner.client.get(path).data
    on_plan("team")
    after = owner.client.get(path).data
    assert (before["plan"], after["plan"]) == ("unlimited", "team")
    assert after["version"] == before["version"] + 1
    owner.client.post("/subscriptions/cancel", {"at": "now"})
    assert owner.client.get(path).data["plan"] == "unlimited"


def test_a_scheduled_change_is_withdrawn_by_subscribing_to_the_plan_that_there_is(owner: Person, on_plan: Put) -> None:
    on_plan("team")
    owner.client.post("/subscriptions/subscribe", {"plan_id": "small"})
    assert owner.client.post("/subscriptions/subscribe", {"plan_id": "team"}).data["next_plan_id"] is None
    again = owner.client.post("/subscriptions/subscribe", {"plan_id": "team"})
    assert (again.status, again.codes) == (409, {"_": ["invalid_state"]})


def test_a_plan_below_what_there_is_is_refused_naming_all_that_is_too_much(owner: Person, on_plan: Put) -> None:
    on_plan("team")
    for number in range(3):
        owner.client.post("/agents", {"name": f"Agent {number}"})
        owner.client.post("/users", {"name": f"Robot {number}", "kind": "service"})

    answer = owner.client.post("/subscriptions/subscribe", {"plan_id": "small"})
    problem = answer.body["errors"]["_"][0]
    assert (answer.status, problem["code"]) == (402, "plan_limit_exceeded")
    assert "4 members where it allows 2, 3 agents where it allows 2" in problem["message"]
    assert problem["meta"]["exceeded"] == [{"limit": "users", "used": 4, "max": 2}, {"limit": "agents", "used": 3, "max": 2}]
    assert current(owner)["subscription"]["next_plan_id"] is None


def test_periods_are_renewed_once_each_however_often_the_job_runs(app: App, world: World, owner: Person, on_plan: Put) -> None:
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        on_plan("team")
        clock.move_to("2026-04-02T00:00:00Z")
        with organization_scope(owner.organization_id):
            for _ in range(3):
                with app.database.transaction():
                    service.renew(app)
        owner = world.again(owner)
        assert [(each["starts_at"][:10], each["amount"]) for each in history(owner)] == [
            ("2026-01-01", PRICE), ("2026-02-01", PRICE), ("2026-03-01", PRICE), ("2026-04-01", PRICE),
        ]  # fmt: skip
        assert len(events_of(owner, "subscriptions.renewed")) == 3


def test_a_renewal_that_is_cut_off_at_any_write_is_done_once(
    app: App, world: World, owner: Person, on_plan: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        on_plan("team")
        world.again(owner).client.post("/subscriptions/subscribe", {"plan_id": "small"})
        clock.move_to("2026-07-01T00:00:01Z")
        for place in ("_end", "_begin", "emit"):
            with monkeypatch.context() as patched, organization_scope(owner.organization_id):
                original = getattr(service, place)

                def dies(*given: Any, original: Any = original, **named: Any) -> Any:
                    original(*given, **named)
                    raise KeyboardInterrupt

                patched.setattr(service, place, dies)
                with pytest.raises(KeyboardInterrupt), app.database.transaction():
                    service.renew(app)
        work_through_periods(app)
        owner = world.again(owner)
        assert [(each["plan_id"], each["status"]) for each in history(owner)] == [("team", "ended"), ("small", "current")]
        assert len(events_of(owner, "subscriptions.changed")) == 1


def test_cancelling_at_the_end_of_the_period_or_now(app: App, world: World, owner: Person, on_plan: Put) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        on_plan("team")
        owner = world.again(owner)
        later = owner.client.post("/subscriptions/cancel", {})
        assert (later.status, later.data["plan_id"], later.data["next_plan_id"]) == (200, "team", "unlimited")
        assert events_of(owner, "subscriptions.cancelled")[0]["effective_at"] == "2026-07-01T00:00:00.000Z"

        clock.move_to("2026-06-16T12:00:00Z")
        owner = world.again(owner)
        gone = owner.client.post("/subscriptions/cancel", {"at": "now"})
        assert (gone.data["plan_id"], gone.data["ends_at"], gone.data["amount"]) == ("unlimited", None, 0)
        assert history(owner)[0]["amount"] == PRICE * 31 // 60 - PRICE // 2  # half a day of thirty, from the middle on
        again = owner.client.post("/subscriptions/cancel", {"at": "now"})
        assert (again.status, again.codes) == (409, {"_": ["invalid_state"]})


def test_a_plan_that_is_not_offered_or_is_none_is_refused_with_those_that_are(owner: Person) -> None:
    for plan_id in ("given", "teem"):
        answer = owner.client.post("/subscriptions/subscribe", {"plan_id": plan_id})
        assert (answer.status, answer.body["errors"]["plan_id"][0]["code"]) == (422, "invalid_choice")
        assert "Write one of small, team, unlimited." in answer.body["errors"]["plan_id"][0]["message"]


@pytest.mark.long
def test_what_the_plan_is_without_is_off_for_the_organization(app: App, world: World, owner: Person, on_plan: Put) -> None:
    assert "mcp_server" in PLANS["small"]["without"]  # type: ignore[operator]
    with organization_scope(owner.organization_id):
        assert app.features.is_here("mcp_server")
    on_plan("small")
    other = world.organization()
    for person, is_on in ((owner, False), (other, True)):
        with organization_scope(person.organization_id):
            assert app.features.is_here("mcp_server") is is_on
    status = {plugin["name"]: plugin["status"] for plugin in owner.client.get("/plugins").data["items"]}
    assert (status["mcp_server"], status["agents"]) == ("disabled", "active")


def test_an_organization_cannot_switch_its_limits_off(owner: Person) -> None:
    path = f"/plugins/subscriptions/organizations/{owner.organization_id}"
    assert owner.client.put(path, {"status": "disabled"}).status == 409


def test_what_the_plan_is_without_is_refused_with_the_reason(owner: Person, on_plan: Put) -> None:
    on_plan("small")
    path = f"/plugins/budgets/organizations/{owner.organization_id}"
    answer = owner.client.get("/budgets")
    assert answer.codes == {"_": ["feature_disabled"]}
    assert answer.body["message"] == "This feature is switched off for the organization. The plan Small is without budgets."
    switched = owner.client.put(path, {"status": "active"})
    assert (switched.codes, switched.body["message"]) == ({"_": ["invalid_state"]}, "The plan Small is without budgets.")
    on_plan("team")
    assert owner.client.get("/budgets").status == 200


def test_an_operator_puts_an_organization_on_any_plan(app: App, world: World, owner: Person) -> None:
    def assign(*arguments: str) -> Any:
        with app.database.connected():
            return CliRunner().invoke(command(app), arguments)

    assert assign(owner.organization_id, "given").output.endswith(f"({owner.organization_id}) is on the plan Given.\n")
    assert current(owner)["plan"]["id"] == "given"
    assert assign(owner.organization_id, "given").exit_code == 0
    assert len(history(owner)) == 1
    assert "There are" in str(assign(owner.organization_id, "gifen").exception)
    assert "there is no organization" in str(assign("organization_x", "given").exception)


def test_the_dashboard_tells_how_much_of_each_limit_is_used(owner: Person, on_plan: Put) -> None:
    def card() -> Any:
        cards = owner.client.get("/dashboard/stats").data["cards"]
        return next((card["figures"] for card in cards if card["name"] == "subscription"), None)

    assert card() is None
    on_plan("small")
    assert {figure["name"]: figure["value"] for figure in card()} == {
        "users_percent": 50, "agents_percent": 0, "webhooks_percent": 0, "executions_percent": 0, "tokens_percent": 0,
    }  # fmt: skip


@pytest.mark.long
def test_the_reference_names_the_refusal_of_what_can_be_too_much(app: App) -> None:
    paths = document(app)["paths"]
    assert "402" in paths["/api/v1/agents"]["post"]["responses"]
    assert "402" not in paths["/api/v1/agents"]["get"]["responses"]
