"""The contract that every plugin keeps, kept by subscriptions."""

from itertools import count
from typing import Any

from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Client, Person, World

_HOURS = count(1)


def _an_hour(world: World, person: Person) -> dict[str, Any]:
    """One subscription is the current one, and no others begin at the same time."""
    number = next(_HOURS)
    starts_at = f"2020-{1 + number // 600 % 12:02}-{1 + number // 24 % 25:02}T{number % 24:02}:00:00.000Z"
    return {"status": "ended", "starts_at": starts_at}


def _on_team(client: Client, path: str) -> None:
    client.post("/subscriptions/subscribe", {"plan_id": "team"})


def _on_the_default(client: Client, path: str) -> None:
    client.post("/subscriptions/cancel", {"at": "now"})


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "subscriptions"
    settings = {"subscriptions.plans": {"team": {"title": "Team", "price": 5}}}
    samples = {"POST /subscriptions/subscribe": {"plan_id": "team"}, "POST /subscriptions/cancel": {"at": "now"}}
    before = {"POST /subscriptions/cancel": _on_team, "POST /subscriptions/subscribe": _on_the_default}
    objects = {"date": lambda world, person: "2026-01-31"}
    everywhere = {
        "GET /subscriptions/usage/{date}": "a day is the same for all, and what is told of it is the organization's own"
    }
    fixed = {"GET /subscriptions": "The operator writes them."}
    copies = {"subscription": _an_hour}
    rows = {"GET /subscriptions/history": "POST /subscriptions/subscribe"}
