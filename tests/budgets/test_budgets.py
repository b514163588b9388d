"""Budgets over REST: what they say, what they cannot be, and who sees which."""

from collections.abc import Callable
from typing import Any

import time_machine

from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Person, World

Make = Callable[..., Any]


def test_a_budget_says_how_far_it_is(owner: Person, world: World) -> None:
    with time_machine.travel("2026-01-15T09:00:00Z", tick=False):
        body = {
            "name": "All",
            "place": {"type": "organization"},
            "max_cost": 5_000_000,
            "timezone": "Europe/Vienna",
            "warn_percents": [90, 50],
        }
        made = world.again(owner).client.post("/budgets", body).data

    for name in ("id", "organization_id", "version", "created_at", "updated_at"):
        made.pop(name)
    assert made == {
        "name": "All",
        "place": {"type": "organization", "id": owner.organization_id},
        "period": "month",
        "timezone": "Europe/Vienna",
        "max_cost": 5_000_000,
        "currency": "USD",
        "max_tokens": None,
        "unpriced": "refuse",
        "warn_percents": [50, 90],
        "status": "active",
        "current": {
            "starts_at": "2025-12-31T23:00:00.000Z",
            "resets_at": "2026-01-31T23:00:00.000Z",
            "used_cost": 0,
            "used_tokens": 0,
            "reserved_cost": 0,
            "reserved_tokens": 0,
            "percent": 0,
        },
    }


def test_a_budget_has_a_limit(owner: Person, budget: Make) -> None:
    body = {"name": "None", "place": {"type": "organization"}}
    assert owner.client.post("/budgets", body).codes == {"max_cost": ["required"]}

    kept = budget(max_tokens=10)
    assert owner.client.patch(f"/budgets/{kept['id']}", {"max_tokens": None}).codes == {"max_cost": ["required"]}
    assert owner.client.patch(f"/budgets/{kept['id']}", {"max_tokens": None, "max_cost": 10}).status == 200


def test_a_place_is_one_object(owner: Person, agent: Make, budget: Make) -> None:
    agent_id = agent()
    budget(max_tokens=10)
    budget(name="Agent", place={"type": "agent", "id": agent_id}, max_tokens=10)

    refused = owner.client.post("/budgets", {"name": "No", "scope_type": "agent", "scope_id": agent_id, "max_tokens": 10})
    assert refused.codes == {"place": ["required"], "scope_type": ["unknown_field"], "scope_id": ["unknown_field"]}
    for asked in (f"place_id={agent_id}", "place_type=agent", "place_type[ne]=organization"):
        assert [each["place"] for each in owner.client.get(f"/budgets?{asked}").data["items"]] == [
            {"type": "agent", "id": agent_id}
        ]
    assert owner.client.get("/budgets?scope_type=agent").codes == {"scope_type": ["unknown_parameter"]}


def test_what_a_budget_counts_is_fixed(owner: Person, budget: Make) -> None:
    kept = budget(max_tokens=10)
    path = f"/budgets/{kept['id']}"

    for change in ({"period": "day"}, {"timezone": "Europe/Vienna"}, {"currency": "EUR"}, {"place": {"type": "agent"}}):
        assert owner.client.patch(path, change).codes == {next(iter(change)): ["invalid_state"]}
    body = {"name": "Same", "place": {"type": "organization"}, "max_tokens": 20}
    for place in ({"type": "organization"}, {"type": "organization", "id": owner.organization_id}):
        assert owner.client.put(path, {**body, "place": place}).data["max_tokens"] == 20
        assert owner.client.patch(path, {"place": place}).status == 200


def test_a_place_must_be_there_for_whoever_names_it(owner: Person, world: World, agent: Make) -> None:
    project, other = world.node(owner, "project"), world.node(owner, "project")
    narrow = member_with(world, owner, ["budgets:read", "budgets:manage", "projects:read"], project)
    of_others = world.organization("Other")
    named = {
        "organization": of_others.organization_id,
        "branch": project,
        "project": other,
        "agent": agent(project_id=other),
        "api_key": owner.client.post("/api-keys", {"name": "CI", "scopes": ["agents:read"]}).data["id"],
        "department": "dept_01h455vb4pex5vsknk084sn02q",
    }

    for kind, place_id in named.items():
        body = {"name": "No", "place": {"type": kind, "id": place_id}, "max_tokens": 10}
        assert narrow.client.post("/budgets", body).codes == {"place.id": ["invalid_reference"]}, kind
    assert narrow.client.post("/budgets", {**body, "place": {"type": kind}}).codes == {"place.id": ["required"]}
    body = {"name": "Yes", "place": {"type": "project", "id": project}, "max_tokens": 10}
    assert narrow.client.post("/budgets", body).status == 201
    body = {"name": "No", "place": {"type": "organization"}, "max_tokens": 10}
    assert narrow.client.post("/budgets", body).codes == {"_": ["permission_denied"]}


def test_whoever_reads_a_place_sees_the_budgets_of_what_belongs_to_it(
    owner: Person, world: World, agent: Make, budget: Make
) -> None:
    project, other = world.node(owner, "project"), world.node(owner, "project")
    agent_id = agent(project_id=project)
    budget(max_tokens=10)
    budget(name="Project", place={"type": "project", "id": project}, max_tokens=10)
    of_agent = budget(name="Agent", place={"type": "agent", "id": agent_id}, max_tokens=10)
    narrow = member_with(world, owner, ["budgets:read"], project)

    def seen() -> list[str]:
        return [each["name"] for each in narrow.client.get("/budgets?sort=name").data["items"]]

    assert seen() == ["Agent", "Project"]
    owner.client.patch(f"/agents/{agent_id}", {"project_id": other})
    assert seen() == ["Project"]
    assert narrow.client.get(f"/budgets/{of_agent['id']}").codes == {"_": ["not_found"]}


def test_a_place_with_a_budget_is_in_use(owner: Person, budget: Make) -> None:
    project = owner.client.post("/projects", {"name": "Website"}).data["id"]
    kept = budget(place={"type": "project", "id": project}, max_tokens=10)

    refused = owner.client.delete(f"/projects/{project}")
    assert refused.codes == {"_": ["in_use"]}
    assert refused.body["errors"]["_"][0]["meta"]["used_by"] == [
        {"type": "budget", "id": kept["id"], "label": "Everything", "field": "place_id"}
    ]

    owner.client.delete(f"/budgets/{kept['id']}")
    assert owner.client.delete(f"/projects/{project}").status == 200


def test_billing_manages_budgets_and_viewers_see_them(owner: Person, world: World, budget: Make) -> None:
    kept = budget(max_tokens=10)
    for role, status in (("billing", 200), ("admin", 200), ("builder", 403), ("viewer", 403), ("auditor", 403)):
        person = world.member(owner, role)
        assert person.client.get(f"/budgets/{kept['id']}").status == 200
        assert person.client.patch(f"/budgets/{kept['id']}", {"max_tokens": 20}).status == status, role
