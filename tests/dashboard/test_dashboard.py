"""The dashboard: what the cards say, for whom, and what becomes of one that fails."""

from collections.abc import Callable
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off
from aasim_plugins.dashboard.hookspecs import Card, Figure, Viewer


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def bring(app: App) -> Callable[..., None]:
    """Lets the installation have one card only, which the function tells."""

    def go(figures: Callable[[Viewer], Any], **more: Any) -> None:
        app.offers.keep("dashboard_cards", {"mine": Card("mine", "Mine", figures, **more)}, "executions")

    return go


#: What is told beside counts of lists.
_NO_COUNTS = ("mean_of_seven_days", "tokens_today", "cost_today_USD")


def cards(person: Person, **query: str) -> dict[str, dict[str, Any]]:
    """The cards by name, each with its figures by name."""
    answer = person.client.get(f"/dashboard/stats?{urlencode(query)}")
    assert answer.status == 200, answer
    return {card["name"]: {**card, **{figure["name"]: figure for figure in card["figures"]}} for card in answer.data["cards"]}


def run(app: App, person: Person, *replies: str, **fields: Any) -> None:
    """An agent that answers, and one run of it, to its end."""
    scripted = person.client.get("/engines?provider=scripted&sort=created_at&limit=1").data["items"][0]["id"]
    body = {"name": f"Answers {token_hex(4)}", "engine_id": scripted, "parameters": {"replies": [*replies]}, **fields}
    agent = person.client.post("/agents", body).data["id"]
    assert person.client.post(f"/agents/{agent}/execute", {"input": "Hello"}).status == 202
    work_off(app)


@pytest.mark.long
def test_runs_are_counted_as_their_lists_count_them(app: App, owner: Person) -> None:
    run(app, owner, "yes")
    run(app, owner, parameters={"fault": "refused"})
    told = cards(owner)["runs"]
    assert (told["today"]["value"], told["running"]["value"], told["success_rate_today"]["value"]) == (2, 0, 0.5)
    assert told["plugin"] == "executions"


@pytest.mark.long
def test_each_number_is_the_count_of_the_list_behind_its_link(app: App, owner: Person) -> None:
    run(app, owner, "yes")
    counted = 0
    for card in cards(owner).values():
        for figure in card["figures"]:
            if figure["link"] is None or figure["name"] in _NO_COUNTS:
                continue
            path = figure["link"].removeprefix("/api/v1")
            listed = owner.client.get(f"{path}{'&' if '?' in path else '?'}include=total").data["pagination"]["total"]
            assert figure["value"] == listed, figure
            counted += 1
    assert counted > 15


def spend(app: App, person: Person) -> None:
    """A run that costs something."""
    price = {"input": 1_000_000, "output": 1_000_000, "currency": "EUR"}
    engine = person.client.post("/engines", {"name": "Priced", "provider": "scripted", "prices": [price]}).data["id"]
    run(app, person, "yes", engine_id=engine)


def test_tokens_and_costs_are_those_of_the_calls(app: App, owner: Person) -> None:
    spend(app, owner)
    [call] = owner.client.get("/engines/calls").data["items"]
    told = cards(owner)["spending"]
    assert told["tokens_today"]["value"] == call["input_tokens"] + call["output_tokens"]
    assert told["cost_today_EUR"]["value"] == call["cost"] > 0


def test_what_was_spent_is_what_analytics_says_behind_the_link(app: App, owner: Person) -> None:
    spend(app, owner)
    told = cards(owner)["spending"]
    [row] = owner.client.get(told["tokens_today"]["link"].removeprefix("/api/v1")).data["rows"]
    assert told["tokens_today"]["value"] == row["input_tokens"] + row["output_tokens"]
    assert [{"currency": "EUR", "cost": told["cost_today_EUR"]["value"]}] == row["costs"]


def test_a_member_of_one_project_sees_what_was_spent_there(app: App, owner: Person, world: World) -> None:
    run(app, owner, "yes")
    project = world.node(owner, "project")
    assert cards(world.member(owner, "viewer", project))["spending"]["tokens_today"]["value"] == 0
    assert cards(owner)["spending"]["tokens_today"]["value"] > 0


def test_a_member_sees_the_cards_of_what_they_may_see(app: App, owner: Person, world: World) -> None:
    run(app, owner, "yes")
    seen = cards(world.member(owner, "viewer"))
    assert seen["runs"]["today"]["value"] == 1
    assert "engine_calls" not in seen
    assert "workers" not in seen


def test_what_is_off_for_the_organization_has_no_card(app: App, owner: Person) -> None:
    with app.database.transaction(), organization_scope(owner.organization_id):
        features.switch(owner.organization_id, "webhooks", False)
    app.organization_states.forget(owner.organization_id)
    assert "webhooks" not in cards(owner)


def test_a_card_that_fails_says_so_and_harms_no_other(owner: Person, bring: Callable[..., None], app: App) -> None:
    def fail(viewer: Viewer) -> Any:
        raise ValueError("a mistake of the plugin's")

    bring(fail)
    told = cards(owner)["mine"]
    assert (told["figures"], told["error"]["code"]) == ([], "plugin_failed")
    assert "mistake" not in str(told)


_ENDLESS = {
    "SqliteDatabase": "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT COUNT(*) FROM numbers",
    "PostgresDatabase": "SELECT pg_sleep(60)",
}


@pytest.mark.long
def test_a_card_that_takes_too_long_says_so(owner: Person, bring: Callable[..., None], app: App) -> None:
    def dawdle(viewer: Viewer) -> Any:
        return {"never": Figure(viewer.app.database.execute_sql(_ENDLESS[type(viewer.app.database).__name__]).fetchone()[0])}

    bring(dawdle)
    assert cards(owner)["mine"]["error"]["code"] == "too_slow"
    assert owner.client.get("/agents").status == 200


@pytest.mark.long
def test_a_day_begins_at_midnight_in_the_time_zone_of_the_organization_or_the_one_asked_for(owner: Person) -> None:
    def today(**query: str) -> str:
        return str(owner.client.get(f"/dashboard/stats?{urlencode(query)}").data["day_starts_at"])[11:16]

    owner.client.patch(f"/organizations/{owner.organization_id}", {"timezone": "Asia/Kolkata"})
    assert (today(), today(timezone="UTC")) == ("18:30", "00:00")


def test_the_tree_adds_up_what_is_below_each_place(app: App, owner: Person) -> None:
    branch = place(owner, "branches", "Vienna")
    department = place(owner, "departments", "Support", branch_id=branch)
    run(app, owner, "yes", project_id=place(owner, "projects", "Letters", department_id=department))
    run(app, owner, "yes", project_id=place(owner, "projects", "Calls", branch_id=branch))
    run(app, owner, "yes")
    assert [(line["name"], line["parent_id"], line["figures"]["runs"]["today"]) for line in tree(owner)] == [
        ("Vienna", owner.organization_id, 2),
        ("Support", branch, 1),
    ]


def test_of_the_tree_a_member_sees_where_they_hold_something(app: App, owner: Person, world: World) -> None:
    vienna, graz = place(owner, "branches", "Vienna"), place(owner, "branches", "Graz")
    run(app, owner, "yes", project_id=place(owner, "projects", "Calls", branch_id=graz))
    assert [(line["name"], line["figures"]) for line in tree(world.member(owner, "viewer", vienna))] == [("Vienna", {})]


def place(owner: Person, kind: str, name: str, **above: str) -> str:
    """A new place in the organization's tree; its id."""
    more = {"projects": {"key": name[:4].upper()}}.get(kind, {"code": name[:4].upper()})
    return str(owner.client.post(f"/{kind}", {"name": name, **more, **above}).data["id"])


def tree(person: Person) -> list[dict[str, Any]]:
    """The lines of the places that the person may know of."""
    return list(person.client.get(f"/organizations/{person.organization_id}/dashboard").data["tree"])
