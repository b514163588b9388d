"""The contract that every plugin keeps, kept by subscriptions."""

from itertools import count
from typing import Any

from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World

#: Two plans, either of which takes nothing away from the other.
TWO_PLANS = {"subscriptions.plans": {"team": {"title": "Team", "price": 5}, "club": {"title": "Club", "price": 6}}}
_HOURS = count(1)


def _an_hour(world: World, person: Person) -> dict[str, Any]:
    """One subscription is the current one, and no others begin at the same time."""
    number = next(_HOURS)
    starts_at = f"2020-{1 + number // 600 % 12:02}-{1 + number // 24 % 25:02}T{number % 24:02}:00:00.000Z"
    return {"status": "ended", "starts_at": starts_at}


def _current(person: Person) -> str:
    return str(person.client.get("/subscriptions/current").data["plan"]["id"])


def _another_plan(world: World, person: Person) -> dict[str, Any]:
    """The one of two plans that the organization is not on."""
    return {"plan_id": "club" if _current(person) == "team" else "team"}


def _a_plan_to_cancel(world: World, person: Person) -> dict[str, Any]:
    """The body that cancels, once the organization is on a plan."""
    if _current(person) == "unlimited":
        person.client.post("/subscriptions/subscribe", {"plan_id": "team"})
    return {"at": "now"}


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "subscriptions"
    settings = TWO_PLANS
    samples = {"POST /subscriptions/subscribe": _another_plan, "POST /subscriptions/cancel": _a_plan_to_cancel}
    objects = {"date": lambda world, person: "2026-01-31", "plan_id": lambda world, person: "team"}
    fixed = {"GET /subscriptions": "The operator writes them."}
    copies = {"subscription": _an_hour}
    rows = {"GET /subscriptions/history": "POST /subscriptions/subscribe"}
