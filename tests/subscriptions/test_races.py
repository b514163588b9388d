"""Limits are exact, and changes of the plan happen once, however many ask at the same time, on both databases."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.errors import Refused
from aasim_core.ids import new_id
from aasim_core.testing.world import Person
from aasim_plugins.engines.hookspecs import Estimate, Payer
from aasim_plugins.subscriptions import service
from aasim_plugins.subscriptions.models import Hold, Subscription

from .conftest import events_of

pytestmark = pytest.mark.long
Put = Callable[[str], None]
THREADS = 8


def at_once(times: int, action: Callable[[int], Any]) -> Counter[Any]:
    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(action, range(times)))


def test_no_more_are_made_than_the_plan_allows(app: App, owner: Person, on_plan: Put) -> None:
    engine = owner.client.post("/engines", {"name": "Scripted", "provider": "scripted"}).data["id"]
    on_plan("small")
    agents = at_once(24, lambda number: owner.client.post("/agents", {"name": f"Agent {number}", "engine_id": engine}).status)
    assert agents == {201: 2, 402: 22}
    agent_id = owner.client.get("/agents").data["items"][0]["id"]
    runs = at_once(40, lambda number: owner.client.post(f"/agents/{agent_id}/execute", {"input": "Well?"}).status)
    assert runs == {202: 5, 402: 35}
    people = at_once(8, lambda number: owner.client.post("/users", {"name": f"Robot {number}", "kind": "service"}).status)
    assert people == {201: 1, 402: 7}
    reached = Counter((each["limit"], each["threshold"]) for each in events_of(owner, "subscriptions.threshold_reached"))
    assert set(reached.values()) == {1}
    assert reached.keys() == {(name, percent) for name in ("agents", "executions", "users") for percent in (80, 100)}


def test_calls_at_the_same_time_hold_no_more_tokens_than_are_left(app: App, owner: Person, on_plan: Put) -> None:
    on_plan("small")
    meter = app.offers("meters")["subscriptions"]

    def call(number: int) -> str:
        with app.database.connected(), organization_scope(owner.organization_id):
            try:
                meter.reserve(Payer(new_id("exec"), 1), Estimate(new_id("engine"), 15, 0, lambda: None))
            except Refused:
                return "refused"
            return "held"

    assert at_once(32, call) == {"held": 6, "refused": 26}
    with organization_scope(owner.organization_id):
        assert sum(hold.tokens for hold in Hold.select()) == 90


def test_of_those_who_change_the_plan_at_the_same_time_one_does(app: App, owner: Person, on_plan: Put) -> None:
    on_plan("small")
    answers = at_once(16, lambda number: owner.client.post("/subscriptions/subscribe", {"plan_id": "team"}).status)
    assert answers == {201: 1, 409: 15}
    with organization_scope(owner.organization_id):
        assert Subscription.select().where(Subscription.status == "current").count() == 1
        assert Subscription.select().count() == 2
    assert len(events_of(owner, "subscriptions.subscribed")) == 2


def test_a_period_is_renewed_once_by_many_at_the_same_time(app: App, owner: Person, on_plan: Put) -> None:
    on_plan("team")
    with organization_scope(owner.organization_id), app.database.transaction():
        early = Subscription.get(Subscription.status == "current")
        bounds = {"starts_at": "2026-09-01T00:00:00.000Z", "period_starts_at": "2026-09-01T00:00:00.000Z"}
        ends = dict.fromkeys(("ends_at", "period_ends_at"), "2026-10-01T00:00:00.000Z")
        Subscription.update({**bounds, **ends}).where(Subscription.id == early.id).execute()

    def renew(number: int) -> None:
        with app.database.connected(), organization_scope(owner.organization_id), app.database.transaction():
            service.renew(app)

    at_once(16, renew)
    told = [each["effective_at"] for each in events_of(owner, "subscriptions.renewed")]
    assert told == sorted(set(told))
    assert told[0] == "2026-10-01T00:00:00.000Z"
    with organization_scope(owner.organization_id):
        assert Subscription.select().count() == len(told) + 1
