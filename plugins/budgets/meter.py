"""The meter of budgets: reserve the maximum of a call before it, and count its usage afterwards.

Reserving and settling are one short transaction each. It does not wait for the disk: the step that the call belongs to does, which
commits later, and a loss of power that undoes the one undoes the other too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aasim_core import App
from aasim_core.clock import now, to_text
from aasim_core.data import records
from aasim_core.data.compiled import compiled, numbered, one_of
from aasim_core.data.statements import Bind

from ..engines.hookspecs import Cost, Estimate, Meter, Payer, in_words
from . import uses
from .models import REFUSE, Budget, BudgetUse, Reservation
from .scopes import finder

Find = Callable[[Payer], Sequence[Budget]]

_UNPRICED = (
    "The budget {budget} counts {currency}, in which no price of the engine is known; write the engine's prices, or let the budget "
    "allow what is unpriced."
)


@dataclass(frozen=True)
class Hold:
    """What is reserved of one budget."""

    budget: Budget
    use_id: str
    cost: int
    tokens: int

    @property
    def wanted(self) -> Mapping[str, int]:
        """What it counts for towards each limit."""
        return {"max_cost": self.cost, "max_tokens": self.tokens}


@dataclass(frozen=True)
class Held:
    """What is reserved for a call, under the id of its reservation."""

    id: str
    holds: Sequence[Hold]


def meter(app: App) -> Meter:
    """What the plugin brings for the hook of engines."""
    find = finder(app)
    return Meter("budgets", partial(check, find), partial(reserve, find), settle)


def check(find: Find, payer: Payer) -> None:
    """Refused ``budget_exceeded`` where nothing is left of a budget that concerns the payer."""
    budgets = {budget.id: budget for budget in find(payer)}
    if not budgets:
        return
    ids = numbered("budget", budgets)
    for use in _running.records(len(ids), moment=to_text(now()), **ids):
        limit = uses.spent_limit(budgets[use.budget_id], use)
        if limit is not None:
            raise uses.used_up(budgets[use.budget_id], use, limit)


@compiled(BudgetUse)
def _running(size: int) -> Any:
    moment = Bind("moment")
    runs = (BudgetUse.starts_at <= moment) & (BudgetUse.ends_at.is_null() | (BudgetUse.ends_at > moment))
    return BudgetUse.select().where(one_of(BudgetUse.budget_id, "budget", size), runs).order_by(BudgetUse.budget_id)


def reserve(find: Find, payer: Payer, estimate: Estimate) -> Held | None:
    """Hold what the call may take of every budget that concerns it, or of none; None where there is no such budget.

    Refused ``budget_exceeded`` where one has not so much left.
    """
    budgets = find(payer)
    if not budgets:
        return None
    _release_repeated(payer)
    try:
        with records.database_of(BudgetUse).transaction(durable=False):
            holds = [_hold(budget, estimate) for budget in budgets]
            kept = [{"use_id": hold.use_id, "cost": hold.cost, "tokens": hold.tokens} for hold in holds]
            made = records.create(Reservation, execution_id=payer.execution_id, step=payer.step, holds=kept)
            return Held(made.id, holds)
    except uses.Exceeded as exceeded:
        with records.database_of(BudgetUse).transaction(durable=False):
            budget = exceeded.budget
            uses.tell_exceeded(budget, uses.use_in(budget, uses.current_period(budget)), exceeded.limit)
        raise


def settle(held: Held, tokens: int, cost: Cost | None) -> None:
    """Count what the call took instead of what was held for it; where its price is not known, it cost what was held."""
    with records.database_of(BudgetUse).transaction(durable=False):
        is_held = _delete(held.id)
        for hold in held.holds:
            spent = _amount(hold.budget, cost)
            back = (hold.cost, hold.tokens) if is_held else (0, 0)
            for use in _count(hold.use_id, (hold.cost if spent is None else spent, tokens), back):
                uses.tell_of(hold.budget, use)


def release(reservation: Reservation) -> None:
    """Release the reservation of an abandoned call."""
    with records.database_of(BudgetUse).transaction(durable=False):
        if _delete(reservation.id):
            for hold in reservation.holds:
                _count(hold["use_id"], (0, 0), (hold["cost"], hold["tokens"]))


def _delete(reservation_id: str) -> bool:
    """Delete the reservation; returns whether it was still there."""
    return _deletion.one(id=reservation_id) is not None


@compiled(Reservation)
def _deletion() -> Any:
    return Reservation.delete().where(Reservation.id == Bind("id")).returning(Reservation.id)


def _release_repeated(payer: Payer) -> None:
    """A step that retries has crashed before: its old reservation is released, not added to the new one."""
    if payer.execution_id is not None:
        for left in _of_step.records(execution_id=payer.execution_id, step=payer.step):
            release(left)


@compiled(Reservation)
def _of_step() -> Any:
    return Reservation.select().where(Reservation.execution_id == Bind("execution_id"), Reservation.step == Bind("step"))


def _hold(budget: Budget, estimate: Estimate) -> Hold:
    """Hold what the call may take, in the running transaction; raises `uses.Exceeded` where the budget has not so much left."""
    use = uses.use_in(budget, uses.current_period(budget))
    cost = _amount(budget, estimate.cost)
    if cost is None and budget.max_cost is not None and budget.unpriced == REFUSE:
        raise uses.Exceeded(budget, use, "max_cost", _UNPRICED.format(budget=budget.name, currency=budget.currency))
    hold = Hold(budget, use.id, cost or 0, estimate.input_tokens + estimate.output_tokens)
    if not _take(hold):
        raise _too_much(hold, BudgetUse.get_by_id(use.id))
    return hold


def _take(hold: Hold) -> bool:
    """Write the reservation if enough is left, in one conditional statement, so that concurrent calls cannot overdraw."""
    bounds = {limit: most for limit in uses.LIMITS if (most := getattr(hold.budget, limit)) is not None}
    wanted = {f"wanted_{limit}": amount for limit, amount in hold.wanted.items()}
    return _reserved.one(tuple(bounds), use_id=hold.use_id, **wanted, **bounds) is not None


@compiled(BudgetUse)
def _reserved(limits: Sequence[str]) -> Any:
    """Reserve what is wanted, if it fits within the limits; `limits` are those that the budget has."""
    more, fits = {}, [BudgetUse.id == Bind("use_id")]
    for limit, columns in uses.LIMITS.items():
        used, reserved = (getattr(BudgetUse, column) for column in columns)
        more[reserved] = reserved + Bind(f"wanted_{limit}")
        if limit in limits:
            fits += [used < Bind(limit), used + more[reserved] <= Bind(limit)]
    return BudgetUse.update(more).where(*fits).returning(BudgetUse.id)


def _too_much(hold: Hold, use: BudgetUse) -> uses.Exceeded:
    budget = hold.budget
    spent = uses.spent_limit(budget, use)
    if spent is not None:
        return uses.used_up(budget, use, spent)
    left = {
        limit: getattr(budget, limit) - uses.counted(use, limit) for limit in hold.wanted if getattr(budget, limit) is not None
    }
    limit = next(limit for limit in left if hold.wanted[limit] > left[limit])
    wanted, rest = (_in_words(budget, limit, amount) for amount in (hold.wanted[limit], left[limit]))
    message = (
        f"The call may take {wanted}, and the budget {budget.name} has {rest} left; "
        f"lower max_output_tokens, or ask the person who manages the budget to raise its {limit}."
    )
    return uses.Exceeded(budget, use, limit, message)


def _in_words(budget: Budget, limit: str, amount: int) -> str:
    return f"{amount} tokens" if limit == "max_tokens" else in_words(amount, budget.currency)


def _count(use_id: str, spent: tuple[int, int], back: tuple[int, int]) -> Sequence[BudgetUse]:
    """Count the cost and tokens that were spent, and give back those that were held; returns the row, if there is one still."""
    values = dict(zip(("used_cost", "used_tokens", "back_cost", "back_tokens"), (*spent, *back), strict=True))
    return _counted.records(use_id=use_id, **values)


@compiled(BudgetUse)
def _counted() -> Any:
    changes = {
        "used_cost": BudgetUse.used_cost + Bind("used_cost"),
        "used_tokens": BudgetUse.used_tokens + Bind("used_tokens"),
        "reserved_cost": BudgetUse.reserved_cost - Bind("back_cost"),
        "reserved_tokens": BudgetUse.reserved_tokens - Bind("back_tokens"),
    }
    return BudgetUse.update(changes).where(BudgetUse.id == Bind("use_id")).returning(*BudgetUse._meta.sorted_fields)


def _amount(budget: Budget, cost: Cost | None) -> int | None:
    """The cost in the budget's currency; None where it is not known in that one. Nothing is nothing in all of them."""
    if cost is None or (cost.amount and cost.currency != budget.currency):
        return None
    return cost.amount
