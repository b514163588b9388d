"""Operations on budgets: create, change, move with the object that they limit, and delete with their history."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aasim_core import App, emit
from aasim_core.clock import from_text, now, to_text
from aasim_core.context import current_organization, organization_scope
from aasim_core.data import records
from aasim_core.data.statements import Bind
from aasim_core.data.views import View
from aasim_core.errors import Invalid, Refused
from aasim_core.tenancy import epoch

from . import meter, uses
from .models import Budget, BudgetUse, Reservation
from .periods import period_at
from .schemas import HAS_LIMIT

#: What a budget counts is the same in all its periods.
FIXED = ("place", "period", "timezone", "currency")
#: Maximum duration of an engine call.
_LONGEST_CALL = timedelta(days=1)
_COUNTED = ("used_cost", "used_tokens", "reserved_cost", "reserved_tokens")

#: Budgets with what was used in the current period; the period that a row is of is never another one's.
VIEW = View(
    Budget,
    {name: getattr(BudgetUse, name) for name in _COUNTED},
    (
        (
            BudgetUse,
            (BudgetUse.budget_id == Budget.id)
            & (BudgetUse.starts_at <= Bind("moment"))
            & (BudgetUse.ends_at.is_null() | (BudgetUse.ends_at > Bind("moment"))),
        ),
    ),
    lambda: {"moment": to_text(now())},
)
#: The periods of budgets, with the budget's name and currency.
PERIODS = View(
    BudgetUse, {"budget_name": Budget.name, "currency": Budget.currency}, ((Budget, Budget.id == BudgetUse.budget_id),)
)
#: The columns of `VIEW` that `current` needs.
CURRENT_COLUMNS = ("period", "timezone", "created_at", "max_cost", "max_tokens", *_COUNTED)


def current(row: Mapping[str, Any]) -> dict[str, Any]:
    """How far a budget is in its current period, from its row with `CURRENT_COLUMNS`."""
    period = period_at(row["period"], row["timezone"], now(), from_text(row["created_at"]))
    return {
        "starts_at": to_text(period.starts_at),
        "resets_at": to_text(period.ends_at) if period.ends_at else None,
        **{name: row[name] or 0 for name in _COUNTED},
        "percent": uses.percent_of(row),
    }


def refuse_limitless(values: Mapping[str, Any]) -> None:
    """Invalid for a budget without any limit."""
    if flaws := HAS_LIMIT.flaws(values):
        raise Invalid(flaws)


def refuse_fixed(budget: Budget, values: Mapping[str, Any]) -> None:
    """Refused ``invalid_state`` for values that would make the budget count something else."""
    for name in FIXED:
        if name in values and values[name] != getattr(budget, name):
            message = f"The {name} of a budget is fixed, since what was counted would not be comparable; make another budget."
            raise Refused("invalid_state", message, field=name)


def create(values: Mapping[str, Any]) -> Budget:
    """Write a new budget, with its first period."""
    epoch.bump(current_organization())
    budget: Budget = records.create(Budget, **values)
    uses.use_in(budget, uses.current_period(budget))
    emit("budgets.created", budget)
    return budget


def remove(budget: Budget) -> None:
    """Delete the budget with its history; running calls are no longer counted."""
    epoch.bump(current_organization())
    BudgetUse.delete().where(BudgetUse.budget_id == budget.id).execute()
    records.remove(budget)
    emit("budgets.deleted", budget)


def follow(place_id: str, node_id: str | None) -> None:
    """Move the budgets of an object that has moved in the tree, in the running transaction."""
    values = {"node_id": node_id, "version": Budget.version + 1, "updated_at": now()}
    Budget.update(values).where(Budget.place_id == place_id).execute()


def release_left(app: App) -> int:
    """Release, in every organization, the reservations of ended runs, and of calls older than a day; returns their number."""
    held = list(Reservation.select().order_by(Reservation.id))
    over = _over(app, {each.execution_id for each in held if each.execution_id is not None})
    before = now() - _LONGEST_CALL
    left = [each for each in held if each.created_at < before or each.execution_id in over]
    for reservation in left:
        with organization_scope(reservation.organization_id):
            meter.release(reservation)
    return len(left)


def _over(app: App, execution_ids: set[str]) -> set[str]:
    if not app.plugins.is_on("executions"):
        return set()
    from . import with_executions

    return with_executions.over_among(execution_ids)
