"""Operations on subscriptions: subscribe, cancel, and renew at the end of a period."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from aasim_core import Refused, emit
from aasim_core.clock import now, to_text
from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.errors import Invalid, Problem
from aasim_core.tenancy import epoch
from aasim_core.tenancy.records import Organization
from aasim_core.text.suggestions import did_you_mean

from .models import CURRENT, ENDED, NOW, Subscription
from .plans.catalog import LIMITS, Plan, default_of, plans_of
from .plans.current_plan import Standing, current, period_of, plan_of, timezone
from .plans.periods import Period, month_after, month_of, share
from .usage import counting, limits

if TYPE_CHECKING:
    from aasim_core.app import App


def subscribe(app: "App", plan_id: str) -> Subscription:
    """Change the plan of the organization in scope: now if nothing is taken away, otherwise at the end of the period.

    Needs a transaction. Invalid for a plan that is not offered; Refused ``invalid_state`` for the current plan, unless it ends, and
    ``plan_limit_exceeded``, with everything in excess, where the plan permits less than there is.
    """
    subscription = _locked(app)
    before, plan = plan_of(app, subscription), _offered(app, plan_id)
    if plan.id == before.id:
        return _stay(subscription, plan)
    if not plan.takes_away(before):
        return put(app, subscription, plan, now(), "subscriptions.subscribed")
    _refuse_too_much(app, plan)
    scheduled = _with_end(subscription, before)
    return _schedule(scheduled, plan, "subscriptions.change_scheduled")


def assign(app: "App", plan: Plan) -> None:
    """Put the organization in scope on the plan now, also where that takes something away; what there is stays. Needs a transaction."""
    subscription = _locked(app)
    if plan.id != plan_of(app, subscription).id:
        put(app, subscription, plan, now(), "subscriptions.subscribed")
    elif subscription is not None and subscription.next_plan_id is not None:
        _stay(subscription, plan)


def cancel(app: "App", at: str) -> Subscription:
    """Return the organization in scope to the default plan, now or at the end of the period; existing objects stay.

    Needs a transaction. Refused ``invalid_state`` where it is on the default plan already.
    """
    subscription, default = _locked(app), default_of(app)
    if subscription is None or plan_of(app, subscription).id == default.id:
        raise Refused("invalid_state", f"The organization is on the plan {default.title} already.", meta={"status": default.id})
    if at == NOW:
        return put(app, subscription, default, now(), "subscriptions.cancelled")
    return _schedule(subscription, default, "subscriptions.cancelled")


def put(app: "App", subscription: Subscription | None, plan: Plan, moment: datetime, event: str) -> Subscription:
    """End the subscription at that time, and begin one to the plan: in the same period, or in the one that begins then.

    Needs a transaction; it emits `event`.
    """
    period = None if subscription is None else period_of(subscription)
    if plan.id == default_of(app).id:
        period = None
    elif period is None:
        period = month_of(moment, timezone())
    elif moment >= period.ends_at:
        period = month_after(period, timezone())
    before = default_of(app).id if subscription is None else subscription.plan_id
    begun = _begin(subscription, plan, moment, period)
    epoch.bump(current_organization())
    emit(event, begun, data=_told(plan, before, moment))
    return begun


def renew(app: "App") -> None:
    """Begin the period that is due in the organization in scope, with the plan that is due, once. Needs a transaction."""
    _locked(app)


def _locked(app: "App") -> Subscription | None:
    """Return the current subscription, after pending changes, locked until the running transaction ends."""
    records.database_of(Subscription).lock(f"subscriptions/{current_organization()}")
    subscription, moment = current(), now()
    while subscription is not None and subscription.ends_at is not None and subscription.ends_at <= moment:
        subscription = _roll(app, subscription)
    return subscription


def _roll(app: "App", subscription: Subscription) -> Subscription:
    """Return the subscription that follows one whose period is over."""
    before = plan_of(app, subscription)
    plan = before if subscription.next_plan_id is None else plans_of(app).get(subscription.next_plan_id, default_of(app))
    event = "subscriptions.renewed" if plan.id == subscription.plan_id else "subscriptions.changed"
    return put(app, subscription, plan, subscription.ends_at, event)


def _offered(app: "App", plan_id: str) -> Plan:
    offered = {plan.id: plan for plan in plans_of(app).values() if plan.is_offered}
    if plan_id not in offered:
        known = f"Write one of {', '.join(offered)}." if offered else "No plan is offered here."
        raise Invalid({"plan_id": [Problem("invalid_choice", f"There is no such plan.{did_you_mean(plan_id, offered)} {known}")]})
    return offered[plan_id]


def _stay(subscription: Subscription | None, plan: Plan) -> Subscription:
    """Continue the plan after the period, if another one was to follow."""
    if subscription is None or subscription.next_plan_id is None:
        raise Refused("invalid_state", f"The organization is on the plan {plan.title} already.", meta={"status": plan.id})
    return _schedule(subscription, plan, "subscriptions.change_scheduled")


def _refuse_too_much(app: "App", plan: Plan) -> None:
    """Refused where the organization exceeds the plan's limits; monthly counts have been reset by then."""
    stand = Standing(plan, timezone(), None)
    standing = [meter for meter in counting.here(app) if not meter.monthly and meter.name in plan.limits]
    there = {meter.name: counting.used(app, meter, stand.period, stand.timezone) for meter in standing}
    over = {name: used for name, used in there.items() if used > plan.limits[name]}
    if over:
        first = next(iter(over))
        told = ", ".join(f"{used} {LIMITS[name]} where it allows {plan.limits[name]}" for name, used in over.items())
        listed = [{"limit": name, "used": used, "max": plan.limits[name]} for name, used in over.items()]
        message = f"The plan {plan.title} is too small: there are {told}; remove what is not needed first."
        raise limits.exceeded(plan, first, over[first], None, message, exceeded=listed)


def _schedule(subscription: Subscription, plan: Plan, event: str) -> Subscription:
    following = None if plan.id == subscription.plan_id else plan.id
    if records.change(subscription, {"next_plan_id": following}):
        emit(event, subscription, data=_told(plan, subscription.plan_id, subscription.ends_at))
    return subscription


def _with_end(subscription: Subscription | None, plan: Plan) -> Subscription:
    """The subscription, or one to the same plan that ends with the month where it has no end."""
    if subscription is not None and subscription.ends_at is not None:
        return subscription
    moment = now()
    return _begin(subscription, plan, moment, month_of(moment, timezone()))


def _begin(subscription: Subscription | None, plan: Plan, moment: datetime, period: Period | None) -> Subscription:
    """Write the subscription to the plan from the moment on, in the place of another one, which ends then."""
    if subscription is not None:
        _end(subscription, moment)
    values: dict[str, Any] = {"plan_id": plan.id, "status": CURRENT, "starts_at": moment, "currency": plan.currency}
    if period is not None:
        bounds = {"ends_at": period.ends_at, "period_starts_at": period.starts_at, "period_ends_at": period.ends_at}
        values |= {**bounds, "price": plan.price, "amount": share(plan.price, period, Period(moment, period.ends_at))}
    begun: Subscription = records.create(Subscription, **values)
    show(plan)
    return begun


def show(plan: Plan) -> None:
    """Let the organization in scope be shown with the plan. Needs a transaction."""
    shown = {"plan": plan.id, "version": Organization.version + 1, "updated_at": now()}
    Organization.update(shown).where(Organization.id == current_organization(), Organization.plan != plan.id).execute()


def _end(subscription: Subscription, moment: datetime) -> None:
    period = period_of(subscription)
    amount = 0 if period is None else share(subscription.price, period, Period(subscription.starts_at, moment))
    records.change(subscription, {"status": ENDED, "ends_at": moment, "amount": amount})


def _told(plan: Plan, before: str, moment: datetime) -> dict[str, Any]:
    return {"plan_id": plan.id, "previous_plan_id": before, "effective_at": to_text(moment)}
