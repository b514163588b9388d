"""The current plan and period of the organization in scope, cached."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from aasim_core.app import Kept
from aasim_core.clock import now
from aasim_core.context import current_organization
from aasim_core.data.records import find
from aasim_core.tenancy.organization_state import cached
from aasim_core.tenancy.records import Organization

from ..models import CURRENT, Subscription
from .catalog import Plan, default_of, plans_of
from .periods import Period, month_after, month_of

if TYPE_CHECKING:
    from datetime import datetime

    from aasim_core.app import App


class Standing(NamedTuple):
    """The plan, the time zone of the organization, and the period that was paid for, if there is one."""

    plan: Plan
    timezone: str
    paid: Period | None

    def period_at(self, moment: "datetime") -> Period:
        """The period that the moment is in: that which was paid for and those that follow it, or else a calendar month."""
        period = self.paid
        if period is None or moment < period.starts_at:
            return month_of(moment, self.timezone)
        while moment >= period.ends_at:
            period = month_after(period, self.timezone)
        return period

    @property
    def period(self) -> Period:
        """The period that it is now."""
        return self.period_at(now())


_STANDING: Kept[Callable[[], Standing]] = Kept(lambda app: cached(app.organization_states, partial(_read, app)))


def standing_of(app: "App") -> Standing:
    """How the organization in scope stands; remembered for its epoch."""
    return app.stash.of(_STANDING)()


def current() -> Subscription | None:
    """The subscription that the organization in scope has; None where it never had one."""
    found: Subscription | None = Subscription.get_or_none(Subscription.status == CURRENT)
    return found


def timezone() -> str:
    """The time zone of the organization in scope."""
    organization: Organization = find(Organization, current_organization())
    return str(organization.timezone)


def plan_of(app: "App", subscription: Subscription | None) -> Plan:
    """The plan of a subscription; the default plan where it has no end, is none, or the operator has taken its plan away."""
    default = default_of(app)
    return default if subscription is None or subscription.ends_at is None else plans_of(app).get(subscription.plan_id, default)


def period_of(subscription: Any) -> Period | None:
    """The whole period that a subscription is a part of, if it has one."""
    return Period(subscription.period_starts_at, subscription.period_ends_at) if subscription.period_ends_at else None


def _read(app: "App") -> Standing:
    subscription = current()
    return Standing(plan_of(app, subscription), timezone(), None if subscription is None else period_of(subscription))
