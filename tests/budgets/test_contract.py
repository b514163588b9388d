"""The contract that every plugin keeps, kept by budgets."""

from itertools import count
from typing import Any

from aasim_core.testing.contract import NODE, PluginContract
from aasim_core.testing.world import Person, World

_HOURS = count(1)


def _an_hour(world: World, person: Person) -> dict[str, Any]:
    """No budget has two periods that begin at the same time."""
    number = next(_HOURS)
    return {"starts_at": f"2020-{1 + number // 600 % 12:02}-{1 + number // 24 % 25:02}T{number % 24:02}:00:00.000Z"}


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "budgets"
    samples = {"POST /budgets": {"name": "Everything", "place": {"type": "organization"}, "max_cost": 1_000_000}}
    copies = {"budgetuse": _an_hour}
    rows = {"GET /budgets/{budget_id}/periods": "POST /budgets"}
    placed = {"POST /budgets": {"place": {"type": "project", "id": NODE}}}
