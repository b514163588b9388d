"""The endpoints of budgets."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import Collection, Request, Response, operation
from aasim_core.data.statements import Bind, Condition
from aasim_core.http.collection import DELETED
from aasim_core.http.paging import read_page
from aasim_core.http.query import ListQuery
from aasim_core.http.render import Derived, Plan

from . import placing, schemas, service, uses
from .models import Budget

_FIXED = ("invalid_state",)


class Budgets(Collection):
    """Budgets: what may be spent on engines, and by what."""

    record = Budget
    events = "budgets"
    node_field = "node_id"
    view = service.VIEW
    paths: ClassVar[Mapping[str, str]] = {
        "": "/budgets",
        "one": "/budgets/{budget_id}",
        "periods": "/budgets/{budget_id}/periods",
    }
    body = schemas.BudgetIn()
    reply = schemas.BudgetOut()
    period_reply = schemas.PeriodOut()
    unique = ("name",)
    derived: ClassVar[Mapping[str, Derived]] = {"current": Derived(service.CURRENT_COLUMNS, service.current)}
    query = ListQuery(
        schemas.BudgetOut(),
        filters=("name", "scope_type", "scope_id", "period", "currency", "active", "created_at", "updated_at"),
        sorts=("created_at", "updated_at", "name"),
        search=("name",),
    )
    period_query = ListQuery(schemas.PeriodOut(), filters=("starts_at",), sorts=("starts_at",), default="-starts_at")

    @operation("manage", body="body", reply="reply", status=201, message="{singular} created.")
    def on_post(self, req: Request, resp: Response, **ids: str) -> None:
        """Create a {singular} for the organization, a place in its tree, an agent, or an API key."""
        super().on_post(req, resp, **ids)

    @operation("manage", body="body", reply="reply", message="{singular} replaced.", refusals=_FIXED)
    def on_put_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Replace a {singular}; what is left out returns to its default, and what it counts is fixed."""
        super().on_put_one(req, resp, **ids)

    @operation("manage", body="body", reply="reply", message="{singular} changed.", refusals=_FIXED)
    def on_patch_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Change some fields of a {singular}; null clears a field that may be empty, and what it counts is fixed."""
        super().on_patch_one(req, resp, **ids)

    @operation("manage", reply=DELETED, message="{singular} deleted.")
    def on_delete_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Delete a {singular} with its history; what it was for can spend what other budgets leave it."""
        super().on_delete_one(req, resp, **ids)

    @operation("read", query="period_query", reply="period_reply", many=True, message="Periods listed.")
    def on_get_periods(self, req: Request, resp: Response, budget_id: str) -> None:
        """List the periods of a budget in which anything was asked for, the latest first."""
        question = self.period_query.question(req.path, req.query)
        mine = Condition(lambda: service.PERIODS.budget_id == Bind("budget"), {"budget": req.target.id}, "of budget")
        resp.media = read_page(service.PERIODS, Plan(self.period_reply).page_columns, question, [mine], self.app.keyring)

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """The values with the place of what the budget is for; it must be there for the caller, and cannot become another one."""
        if "warn_at" in values:
            values["warn_at"] = sorted(values["warn_at"])
        if record is None:
            scope_id, node_id = placing.place_of(self.app, req, values["scope_type"], values["scope_id"])
            values |= {"scope_id": scope_id, "node_id": node_id}
            service.refuse_limitless(values)
            return values
        if values.get("scope_id", "") is None and record.scope_type == "organization":
            del values["scope_id"]
        service.refuse_fixed(record, values)
        service.refuse_limitless({"max_cost": record.max_cost, "max_tokens": record.max_tokens, **values})
        return values

    def create(self, req: Request, values: dict[str, Any]) -> Budget:
        """Write the budget and its first period."""
        return service.create(values)

    def change(self, req: Request, record: Budget, values: dict[str, Any]) -> Budget:
        """Write what differs; what its limits are now decides of what it is warned."""
        super().change(req, record, values)
        uses.forget_warnings(record)
        return record

    def remove(self, req: Request, record: Budget) -> None:
        """Delete the budget and its history."""
        service.remove(record)

    def _verb(self, verb: str) -> str:
        return super()._verb("read" if verb == "read" else "manage")
