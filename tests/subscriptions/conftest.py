"""An installation with three plans besides the plan unlimited, and an organization whose owner chooses among them."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from aasim_core.testing.world import Person, World

PRICE = 29_000_001
PLANS = {
    "small": {
        "title": "Small",
        "price": 9_999_999,
        "without": ["budgets", "mcp_server"],
        "limits": {"users": 2, "agents": 2, "webhooks": 1, "executions": 5, "tokens": 100, "schedule_interval_seconds": 600},
    },
    "team": {"title": "Team", "price": PRICE, "limits": {"users": 10, "agents": 10, "executions": 50}},
    "given": {"title": "Given", "is_offered": False},
}


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """The plans."""
    return {"subscriptions.plans": PLANS}


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def on_plan(app: Any, owner: Person) -> Callable[[str], None]:
    """Puts the organization on a plan at once, as if its period had ended."""
    from aasim_core.clock import now
    from aasim_core.context import organization_scope
    from aasim_plugins.subscriptions import service
    from aasim_plugins.subscriptions.plans import current_plan
    from aasim_plugins.subscriptions.plans.catalog import plans_of

    def put(plan_id: str) -> None:
        with organization_scope(owner.organization_id), app.database.transaction():
            service.put(app, current_plan.current(), plans_of(app)[plan_id], now(), "subscriptions.subscribed")

    return put


def events_of(owner: Person, name: str) -> list[dict[str, Any]]:
    """The data of the events of that name, the first one first."""
    items = owner.client.get(f"/activities?action={name}&sort=occurred_at&occurred_at[gte]=2020-01-01T00:00:00Z").data["items"]
    return [item["data"] for item in items]
