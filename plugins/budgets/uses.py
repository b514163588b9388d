"""The usage of a budget in a period, and its events."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aasim_core.clock import now, to_text
from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind
from aasim_core.errors import Refused
from aasim_core.events.log import emit

from ..engines.hookspecs import BUDGET_EXCEEDED
from .models import Budget, BudgetUse
from .periods import Period, period_at

#: Minimum interval between events that a budget has nothing left.
_QUIET = timedelta(minutes=1)
#: The limits of a budget, and the columns that count towards each.
LIMITS: Mapping[str, tuple[str, str]] = {
    "max_cost": ("used_cost", "reserved_cost"),
    "max_tokens": ("used_tokens", "reserved_tokens"),
}


def current_period(budget: Budget) -> Period:
    """The period of the budget that it is now."""
    return period_at(budget.period, budget.timezone, now(), budget.created_at)


def use_in(budget: Budget, period: Period) -> BudgetUse:
    """Return the row of that period, created if missing. Needs a transaction."""
    same = {"budget_id": budget.id, "starts_at": to_text(period.starts_at)}
    if not (found := _of_period.records(**same)):
        row = BudgetUse(budget_id=budget.id, starts_at=period.starts_at, ends_at=period.ends_at)
        BudgetUse.insert(row.__data__).on_conflict_ignore().execute()
        found = _of_period.records(**same)  # somebody has written it
    use: BudgetUse = found[0]
    return use


@compiled(BudgetUse)
def _of_period() -> Any:
    return BudgetUse.select().where(BudgetUse.budget_id == Bind("budget_id"), BudgetUse.starts_at == Bind("starts_at"))


def percent_of(row: Mapping[str, Any]) -> float:
    """How much of the limit that is nearest to its end is used, in percent; `row` has the limits and what counts towards them."""
    shares: list[float] = [100 * (row[used] or 0) / row[limit] for limit, (used, _) in LIMITS.items() if row[limit] is not None]
    return round(max(shares), 1)


def spent_limit(budget: Budget, use: BudgetUse) -> str | None:
    """The limit of which all is used, if there is one."""
    for limit, (used, _) in LIMITS.items():
        most = getattr(budget, limit)
        if most is not None and getattr(use, used) >= most:
            return limit
    return None


class Exceeded(Refused):
    """The refusal of a call that exceeds a budget, with the exact limit.

    Used and reserved amounts count towards the limit.
    """

    def __init__(self, budget: Budget, use: BudgetUse, limit: str, message: str) -> None:
        meta = {
            "limit": limit,
            "scope": budget.place_type,
            "scope_id": budget.place_id,
            "used": counted(use, limit),
            "max": getattr(budget, limit),
            "currency": budget.currency,
            "resets_at": to_text(use.ends_at) if use.ends_at else None,
        }
        super().__init__(BUDGET_EXCEEDED, message, meta=meta)
        self.budget, self.limit = budget, limit


def counted(use: BudgetUse, limit: str) -> int:
    """What counts towards the limit."""
    return sum(getattr(use, column) for column in LIMITS[limit])


def used_up(budget: Budget, use: BudgetUse, limit: str) -> Exceeded:
    """The refusal where nothing is left."""
    again = f"resets at {to_text(use.ends_at)}" if use.ends_at else "has no further period"
    message = f"The budget {budget.name} is used up, and {again}; the person who manages it can raise its {limit}."
    return Exceeded(budget, use, limit, message)


def tell_exceeded(budget: Budget, use: BudgetUse, limit: str) -> None:
    """Tell, in the running transaction, that nothing is left or that a call was refused; once a minute at most."""
    moment = now()
    quiet = BudgetUse.exceeded_at.is_null(False) & (BudgetUse.exceeded_at > moment - _QUIET)
    if BudgetUse.update(exceeded_at=moment).where(BudgetUse.id == use.id, ~quiet).execute():
        told = {"limit": limit, "used": counted(use, limit), "max": getattr(budget, limit), "currency": budget.currency}
        emit("budgets.exceeded", budget, data=told)


def forget_warnings(budget: Budget) -> None:
    """Let it be warned once more, in this period, of the thresholds that the budget is below again since its limit was raised."""
    use = use_in(budget, current_period(budget))
    percent = int(percent_of({**budget.__data__, **use.__data__}))
    BudgetUse.update(warned=percent).where(BudgetUse.id == use.id, BudgetUse.warned > percent).execute()


def tell_of(budget: Budget, use: BudgetUse) -> None:
    """Tell, in the transaction that has counted what was used, which thresholds it has passed, each of them once in a period."""
    percent = percent_of({**budget.__data__, **use.__data__})
    passed = [threshold for threshold in sorted(budget.warn_percents) if use.warned < threshold <= percent]
    for threshold in passed:
        emit("budgets.warned", budget, data={"threshold": threshold, "percent": percent})
    if passed:
        BudgetUse.update(warned=passed[-1]).where(BudgetUse.id == use.id).execute()
    limit = spent_limit(budget, use)
    if limit is not None:
        tell_exceeded(budget, use, limit)
