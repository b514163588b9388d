"""Plans are settings: what is wrong with them is told at the start, with what to write instead."""

from pathlib import Path
from typing import Any

import pytest

from aasim_core import StartupError
from aasim_core.bootstrap import build_app
from aasim_core.testing.apps import settings_in
from aasim_core.testing.world import Person
from aasim_plugins.subscriptions.plans.catalog import Plan, SubscriptionSettings, refuse_unknown_plugins

PRICED = {"paid": {"price": 5}}


@pytest.mark.parametrize(
    ("plans", "told"),
    [
        ({"team": 5}, "subscriptions.plans.team is 5; write a table"),
        ({"Team": {}}, "has no good id; write up to 40 small letters"),
        ({"unlimited": {}}, "is the plan that is always there; write another id"),
        ({"team": {"prise": 5}}, 'has no setting "prise" (the settings); did you mean "price"?'),
        ({"team": {"price": -1}}, "subscriptions.plans.team.price (the settings) is -1; write a number from 0"),
        ({"team": {"price": "a lot"}}, "write a whole number"),
        ({"team": {"currency": "euros"}}, "write three letters (ISO 4217)"),
        ({"team": {"limits": {"agent": 5}}}, 'there is no limit agent. Did you mean "agents"?'),
        ({"team": {"limits": {"agents": -5}}}, "write a number from 0 to 1000000000000000 for agents"),
        ({"team": {"limits": {"agents": 1.5}}}, "write a whole number"),
        ({"team": {"id": "other"}}, "has an id already"),
    ],
)
def test_a_plan_that_is_wrong_is_told_with_what_to_write(plans: Any, told: str) -> None:
    assert told in "\n".join(SubscriptionSettings(plans=plans).faults())


@pytest.mark.parametrize(
    ("default", "told"), [("teem", "which is no plan; write one of paid, unlimited"), ("paid", "has a price")]
)
def test_the_default_plan_is_one_that_is_free_of_charge(default: str, told: str) -> None:
    assert told in "\n".join(SubscriptionSettings(plans=PRICED, default_plan=default).faults())


def test_plans_that_are_wrong_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="there is no limit agent"):
        build_app(settings_in(tmp_path, {}, **{"subscriptions.plans": {"team": {"limits": {"agent": 1}}}}))


@pytest.mark.parametrize(
    ("plugin", "told"),
    [("workflow", 'there is no such plugin. Did you mean "workflows"?'), ("auth", "which every organization has")],
)
def test_a_plan_without_a_plugin_that_there_is_not_stops_the_start(tmp_path: Path, plugin: str, told: str) -> None:
    app = build_app(settings_in(tmp_path, {}, **{"subscriptions.plans": {"team": {"without": [plugin]}}}))
    with pytest.raises(StartupError) as refused:
        refuse_unknown_plugins(app)
    assert told in refused.value.problems[0]


@pytest.mark.parametrize(
    ("plan", "before", "takes"),
    [
        (Plan(), Plan(), False),
        (Plan(), Plan(limits={"agents": 1}, without=("agents",)), False),
        (Plan(limits={"agents": 1}), Plan(), True),
        (Plan(limits={"agents": 2}), Plan(limits={"agents": 1}), False),
        (Plan(limits={"agents": 2, "users": 1}), Plan(limits={"agents": 1}), True),
        (Plan(without=("agents",)), Plan(), True),
        (Plan(limits={"schedule_interval_seconds": 60}), Plan(limits={"schedule_interval_seconds": 90}), False),
        (Plan(limits={"schedule_interval_seconds": 90}), Plan(limits={"schedule_interval_seconds": 60}), True),
    ],
)
def test_a_plan_takes_away_what_it_allows_less_of(plan: Plan, before: Plan, takes: bool) -> None:
    assert plan.takes_away(before) is takes


def test_plans_are_listed_a_page_at_a_time(owner: Person) -> None:
    first = owner.client.get("/subscriptions?limit=3&sort=id").data
    assert [plan["id"] for plan in first["items"]] == ["given", "small", "team"]
    rest = owner.client.get(f"/subscriptions?limit=3&sort=id&cursor={first['pagination']['next_cursor']}").data["items"]
    assert [(plan["id"], plan["limits"], plan["is_offered"]) for plan in rest] == [("unlimited", {}, True)]
    assert first["items"][1]["limits"]["agents"] == 2
    assert first["items"][1]["without"] == ["budgets", "mcp_server"]
