"""The records of subscriptions: plans of organizations, warnings of limits, and reservations for running calls."""

import peewee
from peewee import SQL

from aasim_core import TenantRecord
from aasim_core.data.fields import IdField, InstantField

#: When a plan is cancelled.
ENDS = PERIOD_END, NOW = ("period_end", "now")
STATUSES = CURRENT, ENDED = ("current", "ended")
#: The condition of the index, in its words.
IS_CURRENT = SQL("status = 'current'")


class Subscription(TenantRecord):
    """That the organization is, or was, on a plan, from `starts_at` on and before `ends_at`.

    A plan with a period has it in `period_starts_at` and `period_ends_at`; what ends within it is a part of it. `price` is that of the
    whole period and `amount` that of the part, in micro-units of `currency`. Without a period, on the default plan that nothing follows,
    `ends_at` is None until there is something else. `next_plan_id` is the plan from `ends_at` on; None is the same plan.
    """

    plan_id = peewee.TextField()
    status = peewee.TextField(default=CURRENT)
    starts_at = InstantField()
    ends_at = InstantField(null=True)
    period_starts_at = InstantField(null=True)
    period_ends_at = InstantField(null=True)
    price = peewee.BigIntegerField(default=0)
    amount = peewee.BigIntegerField(default=0)
    currency = peewee.TextField()
    next_plan_id = peewee.TextField(null=True)

    class Meta:
        table_name = "subscriptions_subscription"
        id_prefix = "subscription"
        label = "plan_id"
        indexes = (
            (("organization_id", "starts_at", "id"), False),
            peewee.Index(
                "subscriptions_current", "subscriptions_subscription", [SQL("organization_id")], unique=True, where=IS_CURRENT
            ),
        )


class Notice(TenantRecord):
    """A warning that the organization has used a percentage of a limit in the period."""

    limit_name = peewee.TextField()
    period_starts_at = InstantField()
    percent = peewee.BigIntegerField()

    class Meta:
        table_name = "subscriptions_notice"
        id_prefix = "subscriptionnotice"
        indexes = ((("organization_id", "limit_name", "period_starts_at", "percent"), True),)


class Hold(TenantRecord):
    """The tokens reserved for a running engine call. An execution's step has at most one."""

    execution_id = IdField(null=True)
    step = peewee.BigIntegerField(null=True)
    tokens = peewee.BigIntegerField()

    class Meta:
        table_name = "subscriptions_hold"
        id_prefix = "subscriptionhold"
        indexes = ((("organization_id", "execution_id", "step"), True),)
