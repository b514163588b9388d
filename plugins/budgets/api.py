"""The endpoints of budgets."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import Collection, Request
from aasim_core.context import current_organization
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Derived
from aasim_core.resources.collection import Parent
from aasim_core.resources.places import PLACE
from aasim_core.schemas.fields import Choice, Id

from . import placing, schemas, service, uses
from .models import KINDS, Budget, BudgetUse

_FIXED = ("invalid_state",)


class Budgets(Collection):
    """Budgets: limits on spending for engines."""

    record = Budget
    events = "budgets"
    node_field = "node_id"
    view = service.VIEW
    paths: ClassVar[Mapping[str, str]] = {"": "/budgets", "one": "/budgets/{budget_id}"}
    body = schemas.BudgetIn()
    reply = schemas.BudgetOut()
    unique = ("name",)
    permissions: ClassVar[Mapping[str, str]] = dict.fromkeys(("create", "update", "delete"), "manage")
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "create": {"summary": "Create a {singular} for the organization, a node in its tree, an agent, or an API key."},
        "replace": {
            "summary": "Replace a {singular}. Omitted fields return to their defaults; what it counts is fixed.",
            "refusals": _FIXED,
        },
        "update": {
            "summary": "Change fields of a {singular}. Null clears an optional field; what it counts is fixed.",
            "refusals": _FIXED,
        },
        "delete": {"summary": "Delete a {singular} with its history. Other budgets still apply."},
    }
    derived: ClassVar[Mapping[str, Derived]] = {"current": Derived(service.CURRENT_COLUMNS, service.current), "place": PLACE}
    query = ListQuery(
        schemas.BudgetOut(),
        filters=("name", "period", "currency", "status", "created_at", "updated_at"),
        columns={"place_type": Choice(*KINDS), "place_id": Id()},
        sorts=("created_at", "updated_at", "name"),
        search=("name",),
    )

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """Return the values with the node of the budget's object, which must be visible to the caller and cannot change."""
        if "warn_percents" in values:
            values["warn_percents"] = sorted(values["warn_percents"])
        if record is None:
            place = values.pop("place")
            place_id, node_id = placing.find(self.app, req, place["type"], place.get("id"))
            return {**values, "place_type": place["type"], "place_id": place_id, "node_id": node_id}
        if values.get("place") == {"type": "organization"}:
            values["place"] = {"type": "organization", "id": current_organization()}
        service.refuse_fixed(record, values)
        values.pop("place", None)
        service.refuse_limitless({"max_cost": record.max_cost, "max_tokens": record.max_tokens, **values})
        return values

    def create(self, req: Request, values: dict[str, Any]) -> Budget:
        """Write the budget and its first period."""
        return service.create(values)

    def change(self, req: Request, record: Budget, values: dict[str, Any]) -> Budget:
        """Write changed values; the new limits decide about warnings."""
        super().change(req, record, values)
        uses.forget_warnings(record)
        return record

    def remove(self, req: Request, record: Budget) -> None:
        """Delete the budget and its history."""
        service.remove(record)


class Periods(Collection):
    """The periods of a budget, in which spending is counted."""

    record = BudgetUse
    view = service.PERIODS
    events = "budgets"
    noun = "periods"
    parent = Parent(Budgets, "budget_id")
    paths: ClassVar[Mapping[str, str]] = {"": "/budgets/{budget_id}/periods"}
    reply = schemas.PeriodOut()
    query = ListQuery(schemas.PeriodOut(), filters=("starts_at",), sorts=("starts_at",), default="-starts_at")
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List the periods of a budget with spending, the latest first."}
    }
