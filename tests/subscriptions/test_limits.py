"""Limits are kept where things are made, exactly, and told with their numbers; a plan without any costs no statement."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.errors import Refused
from aasim_core.ids import new_id
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Answer, Person, World
from aasim_core.worker.runner import work_off
from aasim_plugins.engines.calls.records import EngineCall
from aasim_plugins.engines.hookspecs import Estimate, Meter, Payer
from aasim_plugins.engines.usage.metering import metered
from aasim_plugins.subscriptions.models import Hold

from .conftest import events_of

Put = Callable[[str], None]
NOBODY = Payer()


def agent(owner: Person, name: str, **fields: Any) -> Answer:
    return owner.client.post("/agents", {"name": name, **fields})


def scripted(owner: Person) -> str:
    """An agent that says yes, in 10 tokens at most."""
    engine = owner.client.post("/engines", {"name": "Scripted", "provider": "scripted"}).data["id"]
    body = {"name": "Yes", "engine_id": engine, "parameters": {"replies": ["yes"], "max_output_tokens": 10}}
    return str(owner.client.post("/agents", body).data["id"])


def estimate(tokens: int) -> Estimate:
    return Estimate(new_id("engine"), tokens, 0, lambda: None)


def meta_of(answer: Answer) -> dict[str, Any]:
    assert (answer.status, answer.codes) == (402, {"_": ["plan_limit_exceeded"]})
    return dict(answer.body["errors"]["_"][0]["meta"])


@pytest.mark.long
def test_agents_beyond_the_plan_are_refused_until_one_is_gone(owner: Person, on_plan: Put) -> None:
    on_plan("small")
    first = agent(owner, "One").data["id"]
    agent(owner, "Two")
    assert meta_of(agent(owner, "Three")) == {
        "limit": "agents",
        "scope": "organization",
        "scope_id": owner.organization_id,
        "used": 2,
        "max": 2,
        "resets_at": None,
        "plan": "small",
    }
    assert meta_of(owner.client.post(f"/agents/{first}/clone", {"name": "Four"}))["limit"] == "agents"
    assert [each["name"] for each in owner.client.get("/agents?sort=name").data["items"]] == ["One", "Two"]

    owner.client.delete(f"/agents/{first}")
    assert agent(owner, "Three").status == 201


def test_members_count_from_their_invitation_on_and_until_they_are_deactivated(owner: Person, on_plan: Put) -> None:
    on_plan("small")
    robot = owner.client.post("/users", {"name": "Robot", "kind": "service"}).data["id"]
    refused = owner.client.post("/users", {"name": "Robot 2", "kind": "service"})
    assert meta_of(refused)["used"] == 2
    assert meta_of(owner.client.post("/users", {"name": "Bob", "email": "bob@example.com"}))["limit"] == "users"

    owner.client.put(f"/users/{robot}/status", {"status": "deactivated", "reason": "It is old."})
    assert owner.client.post("/users", {"name": "Robot 2", "kind": "service"}).status == 201
    back = owner.client.put(f"/users/{robot}/status", {"status": "active", "reason": "It is good."})
    assert meta_of(back)["max"] == 2


def test_webhooks_and_intervals_of_job_flows_are_those_of_the_plan(owner: Person, on_plan: Put) -> None:
    on_plan("small")
    hook = {"url": "https://example.com/hook", "events": ["agents.*"]}
    assert owner.client.post("/webhooks", hook).status == 201
    assert meta_of(owner.client.post("/webhooks", hook))["limit"] == "webhooks"

    target = {"type": "agent", "id": scripted(owner)}
    flow = {"name": "Often", "target": target, "input": "Well?", "trigger": {"type": "interval", "seconds": 300}}
    assert meta_of(owner.client.post("/job-flows", flow)) == {
        "limit": "schedule_interval_seconds",
        "scope": "organization",
        "scope_id": owner.organization_id,
        "used": 300,
        "max": 600,
        "resets_at": None,
        "plan": "small",
    }
    often = {**flow, "trigger": {"type": "cron", "expression": "*/5 * * * *"}}
    assert meta_of(owner.client.post("/job-flows", often))["used"] == 300
    made = owner.client.post("/job-flows", {**flow, "trigger": {"type": "interval", "seconds": 600}}).data["id"]
    changed = owner.client.patch(f"/job-flows/{made}", {"trigger": {"type": "interval", "seconds": 599}})
    assert meta_of(changed)["used"] == 599
    assert owner.client.patch(f"/job-flows/{made}", {"name": "Seldom"}).status == 200


def test_executions_of_a_month_are_counted_whatever_has_become_of_the_plan_and_begin_anew(
    app: App, world: World, owner: Person, on_plan: Put
) -> None:
    with time_machine.travel("2026-06-10T00:00:00Z", tick=False) as clock:
        owner = world.again(owner)
        agent_id = scripted(owner)

        def start() -> Answer:
            return owner.client.post(f"/agents/{agent_id}/execute", {"input": "Well?"})

        assert [start().status for _ in range(3)] == [202] * 3  # on the plan unlimited, where nobody counts
        clock.move_to("2026-06-12T00:00:00Z")
        owner = world.again(owner)
        on_plan("small")
        assert [start().status for _ in range(2)] == [202] * 2
        meta = meta_of(start())
        assert (meta["used"], meta["max"], meta["resets_at"]) == (5, 5, "2026-07-01T00:00:00.000Z")
        reached = [(each["threshold"], each["used"]) for each in events_of(owner, "subscriptions.threshold_reached")]
        assert reached == [(80, 4), (100, 5)]
        assert len(owner.client.get("/executions").data["items"]) == 5

        clock.move_to("2026-07-01T00:00:00Z")
        owner = world.again(owner)
        assert start().status == 202


def test_tokens_are_held_before_a_call_and_counted_from_its_row(app: App, owner: Person, on_plan: Put) -> None:
    on_plan("small")
    with organization_scope(owner.organization_id):
        books: Meter = app.offers("meters")["subscriptions"]
        hold = books.reserve(NOBODY, estimate(60))
        with pytest.raises(Refused, match="has 40 of 100 left"):
            books.reserve(NOBODY, estimate(41))
        with app.database.transaction():
            books.settle(hold, 0, None)
        assert Hold.select().count() == 0

        with metered(app, NOBODY, estimate(80)) as bill:
            bill.tokens, bill.taken = 81, {"model": "m", "outcome": "answered", "input_tokens": 80, "output_tokens": 1}
        with pytest.raises(Refused, match="has 19 of 100 left"):
            books.reserve(NOBODY, estimate(20))
        with metered(app, NOBODY, estimate(19)) as bill:
            bill.tokens, bill.taken = 19, {"model": "m", "outcome": "answered", "input_tokens": 19, "output_tokens": 0}
        with pytest.raises(Refused, match="allows 100 tokens in a month, and 100 are used") as refused:
            books.check(NOBODY)
        assert refused.value.code == "plan_limit_exceeded"
        assert EngineCall.select().count() == 2
    reached = [(each["limit"], each["threshold"], each["used"]) for each in events_of(owner, "subscriptions.threshold_reached")]
    assert reached == [("tokens", 80, 81), ("tokens", 100, 100)]


def test_a_run_whose_call_does_not_fit_fails_with_the_limit(app: App, owner: Person, on_plan: Put) -> None:
    agent_id = scripted(owner)
    on_plan("small")
    body = {"input": "Well?", "parameters": {"max_output_tokens": 500}}
    run = owner.client.post(f"/agents/{agent_id}/execute", body).data["id"]
    work_off(app)
    failed = owner.client.get(f"/executions/{run}").data
    assert (failed["status"], failed["error"]["code"]) == ("failed", "plan_limit_exceeded")
    assert failed["error"]["meta"]["limit"] == "tokens"


def test_a_plan_without_limits_costs_no_statement(app: App, owner: Person, on_plan: Put) -> None:
    on_plan("given")
    agent_id = scripted(owner)
    owner.client.post(f"/agents/{agent_id}/execute", {"input": "Well?"})
    with recorded(app.database) as statements:
        owner.client.post(f"/agents/{agent_id}/execute", {"input": "Well?"})
    assert statements
    assert not [statement for statement in statements if "subscriptions_" in str(statement)]
