"""Runs under budgets: what is reserved and counted, what is refused, and with which limit."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.tenancy.organization_state import OrganizationStates
from aasim_core.testing.world import Person, World

from .conftest import PRICE, current, events_of

Make = Callable[..., Any]
#: What "Well?" and "yes" take: two tokens and four for the message; one token.
ASKED, ANSWERED = 6, 1


def test_a_run_is_counted_in_every_budget_that_it_concerns(
    owner: Person, world: World, agent: Make, budget: Make, run: Make
) -> None:
    branch = world.node(owner, "branch")
    department = world.node(owner, "department", branch)
    project, other = world.node(owner, "project", department), world.node(owner, "project")
    agent_id = agent(project_id=project)
    named = {"branch": branch, "department": department, "project": project, "agent": agent_id}
    counting = [budget(max_cost=1_000, max_tokens=1_000)]
    counting += [budget(name=kind, place={"type": kind, "id": one}, max_cost=1_000) for kind, one in named.items()]
    aside = [
        budget(name="Other project", place={"type": "project", "id": other}, max_cost=1_000),
        budget(name="Other agent", place={"type": "agent", "id": agent(name="Other")}, max_cost=1_000),
        budget(name="Off", place={"type": "organization"}, max_cost=1_000, status="disabled"),
    ]

    usage = run(agent_id)["usage"]
    assert [usage[name] for name in ("input_tokens", "output_tokens", "cost")] == [ASKED, ANSWERED, ASKED + ANSWERED]

    for each in counting:
        assert {name: current(owner, each)[name] for name in ("used_cost", "used_tokens", "reserved_cost", "reserved_tokens")} == {
            "used_cost": ASKED + ANSWERED, "used_tokens": ASKED + ANSWERED, "reserved_cost": 0, "reserved_tokens": 0,
        }, each["name"]  # fmt: skip
    assert [current(owner, each)["used_cost"] for each in aside] == [0, 0, 0]


def test_a_budget_has_used_what_the_rows_of_the_calls_say(owner: Person, agent: Make, budget: Make, run: Make) -> None:
    kept, agent_id = budget(max_cost=1_000), agent()
    for _ in range(3):
        run(agent_id)
    calls = owner.client.get("/engines/calls").data["items"]
    assert len(calls) == 3
    assert current(owner, kept)["used_tokens"] == sum(call["input_tokens"] + call["output_tokens"] for call in calls)
    assert current(owner, kept)["used_cost"] == sum(call["cost"] for call in calls)


def test_a_run_is_counted_for_the_key_that_started_it_and_that_repeats_it(
    owner: Person, world: World, agent: Make, budget: Make, run: Make
) -> None:
    made = owner.client.post("/api-keys", {"name": "CI", "scopes": ["agents:execute", "agents:read", "executions:read"]}).data
    of_key = budget(place={"type": "api_key", "id": made["id"]}, max_cost=1_000)
    program = type(owner.client)(owner.client.wsgi, made["key"])
    agent_id = agent()

    first = run(agent_id, program)
    assert current(owner, of_key)["used_cost"] == ASKED + ANSWERED
    program.post(f"/executions/{first['id']}/retry", {})
    run(agent_id)
    assert current(owner, of_key)["used_cost"] == 2 * (ASKED + ANSWERED)


def test_a_call_that_does_not_fit_ends_the_run_with_the_exact_limit(owner: Person, agent: Make, budget: Make, run: Make) -> None:
    kept = budget(max_cost=ASKED + 9, period="total")

    failed = run(agent())

    assert failed["status"] == "failed"
    assert failed["error"] == {
        "code": "budget_exceeded",
        "message": "The call may take 0.000016 USD, and the budget Everything has 0.000015 USD left; lower max_output_tokens, or ask "
        "the person who manages the budget to raise its max_cost.",
        "retryable": True,
        "meta": {
            "path": "engine",
            "limit": "max_cost",
            "scope": "organization",
            "scope_id": owner.organization_id,
            "used": 0,
            "max": 15,
            "currency": "USD",
            "resets_at": None,
        },
    }
    assert current(owner, kept)["reserved_cost"] == 0
    assert events_of(owner, "budgets.exceeded") == [{"limit": "max_cost", "used": 0, "max": 15, "currency": "USD"}]


def test_a_run_that_was_refused_can_be_repeated_when_there_is_more(owner: Person, agent: Make, budget: Make, run: Make) -> None:
    kept = budget(max_tokens=10)
    agent_id = agent()
    failed = run(agent_id)
    assert (failed["error"]["code"], failed["error"]["meta"]["limit"]) == ("budget_exceeded", "max_tokens")

    owner.client.patch(f"/budgets/{kept['id']}", {"max_tokens": 16})
    assert run(agent_id)["status"] == "succeeded"


def test_nothing_is_started_where_nothing_is_left(owner: Person, agent: Make, budget: Make, run: Make) -> None:
    agent_id = agent()
    kept = budget(place={"type": "agent", "id": agent_id}, max_tokens=2 * (ASKED + ANSWERED))
    for _ in range(2):
        assert run(agent_id, parameters={"max_output_tokens": ANSWERED})["status"] == "succeeded"

    refused = owner.client.post(f"/agents/{agent_id}/execute", {"input": "Well?"})

    assert (refused.status, refused.codes) == (402, {"_": ["budget_exceeded"]})
    [problem] = refused.body["errors"]["_"]
    assert problem["meta"] == {
        "limit": "max_tokens",
        "scope": "agent",
        "scope_id": agent_id,
        "used": 14,
        "max": 14,
        "currency": "USD",
        "resets_at": current(owner, kept)["resets_at"],
    }
    assert "is used up, and resets at" in problem["message"]
    assert len(owner.client.get(f"/agents/{agent_id}/executions").data["items"]) == 2


def test_a_fallback_is_asked_for_what_an_engine_refuses_and_not_for_what_a_budget_does(
    owner: Person, engine: Make, agent: Make, budget: Make, run: Make
) -> None:
    cheap = engine("Cheap", prices=[{"input": 0, "output": 0, "currency": "USD"}])
    dear = engine("Dear", fallback_engine_ids=[cheap])
    agent_id = agent(engine_id=dear)
    kept = budget(max_cost=10)

    assert run(agent_id)["error"]["code"] == "budget_exceeded"

    owner.client.patch(f"/budgets/{kept['id']}", {"max_cost": 16})
    owner.client.patch(f"/engines/{dear}", {"default_parameters": {"fault": "unavailable"}})
    assert run(agent_id, parameters={"fault": None})["status"] == "succeeded"


def test_an_engine_without_a_known_price_is_refused_unless_the_budget_allows_it(
    owner: Person, engine: Make, agent: Make, budget: Make, run: Make
) -> None:
    kept = budget(max_cost=1_000, max_tokens=1_000)
    agent_id = agent(engine_id=engine(prices=[{**PRICE, "currency": "EUR"}]))

    failed = run(agent_id)
    assert failed["error"]["code"] == "budget_exceeded"
    assert "in which no price of the engine is known" in failed["error"]["message"]

    owner.client.patch(f"/budgets/{kept['id']}", {"unpriced": "allow"})
    assert run(agent_id)["status"] == "succeeded"
    assert (current(owner, kept)["used_cost"], current(owner, kept)["used_tokens"]) == (0, ASKED + ANSWERED)


def test_what_costs_nothing_costs_nothing_in_every_currency(owner: Person, agent: Make, budget: Make, run: Make) -> None:
    kept = budget(max_cost=1, currency="EUR")
    scripted = owner.client.get("/engines?provider=scripted").data["items"][0]["id"]

    assert run(agent(engine_id=scripted))["status"] == "succeeded"
    assert (current(owner, kept)["used_cost"], current(owner, kept)["used_tokens"]) == (0, ASKED + ANSWERED)


def test_a_call_that_failed_took_nothing(owner: Person, agent: Make, budget: Make, run: Make) -> None:
    kept = budget(max_cost=1_000)

    assert run(agent({"fault": "refused"}))["error"]["code"] == "engine_refused"
    assert {value for name, value in current(owner, kept).items() if name.startswith(("used", "reserved"))} == {0}


def test_a_reply_that_nothing_bounds_is_taken_to_need_4096_tokens(agent: Make, budget: Make, run: Make) -> None:
    budget(max_tokens=4_096 + ASKED - 1)
    agent_id = agent(parameters={"max_output_tokens": None})

    assert run(agent_id)["error"]["meta"]["limit"] == "max_tokens"


def test_thresholds_are_told_of_once_in_a_period(owner: Person, agent: Make, budget: Make, run: Make) -> None:
    budget(max_tokens=28, warn_percents=[90, 25, 50])
    agent_id = agent()

    for _ in range(2):
        run(agent_id)
    assert events_of(owner, "budgets.warned") == [{"threshold": 25, "percent": 25.0}, {"threshold": 50, "percent": 50.0}]

    for _ in range(2):
        run(agent_id, parameters={"max_output_tokens": 1})
    assert [told["threshold"] for told in events_of(owner, "budgets.warned")] == [25, 50, 90]
    assert events_of(owner, "budgets.exceeded") == [{"limit": "max_tokens", "used": 28, "max": 28, "currency": "USD"}]


def test_thresholds_are_told_of_again_when_the_limit_was_raised(owner: Person, agent: Make, budget: Make, run: Make) -> None:
    kept, agent_id = budget(max_tokens=28, warn_percents=[50]), agent()

    for _ in range(2):
        run(agent_id)
    owner.client.patch(f"/budgets/{kept['id']}", {"max_tokens": 56})
    for _ in range(2):
        run(agent_id)

    assert [told["percent"] for told in events_of(owner, "budgets.warned")] == [50.0, 50.0]


def test_the_test_of_an_engine_is_counted_too(owner: Person, engine: Make, budget: Make) -> None:
    kept, engine_id = budget(max_tokens=60), engine()

    tested = owner.client.post(f"/engines/{engine_id}/test").data
    assert current(owner, kept)["used_tokens"] == tested["input_tokens"] + tested["output_tokens"] > 0

    owner.client.patch(f"/budgets/{kept['id']}", {"max_tokens": 1})
    assert owner.client.post(f"/engines/{engine_id}/test").codes == {"_": ["budget_exceeded"]}


def test_a_budget_that_another_process_has_just_made_holds_the_turns_that_begin_after_it(
    app: App, owner: Person, agent: Make, run: Make, budget: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "aasim_core.tenancy.organization_state.TRUSTED_SECONDS", 60
    )  # so that this process does not look by itself
    agent_id = agent()
    assert run(agent_id)["status"] == "succeeded"
    ours, app.organization_states = app.organization_states, OrganizationStates()
    budget(max_tokens=1)
    app.organization_states = ours

    execution = run(agent_id)

    assert (execution["status"], execution["error"]["code"]) == ("failed", "budget_exceeded")
