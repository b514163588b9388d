"""Requests and responses of subscriptions."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Number, Object, Text, Timezone
from aasim_core.schemas.schema import RecordOut, Schema

from .models import ENDS, PERIOD_END, STATUSES
from .plans.catalog import LIMITS
from .usage.report import GROUPS

_MANY = 1_000


class PlanOut(Schema):
    """A plan, as the operator wrote it in the settings."""

    id = Text(required=True, example="team")
    title = Text(required=True, example="Team")
    description = Text(max_length=2_000, required=True)
    price = Integer(required=True, description="Micro-units of the currency per period.", example=29_000_000)
    currency = Text(required=True, example="EUR")
    price_text = Text(required=True, description="What people read of the price.", example="29 euros a month")
    is_offered = Boolean(
        required=True, description="Whether anyone can subscribe to it; other plans are assigned by the operator."
    )
    without = ListOf(Text(), _MANY, required=True, description="The plugins that it excludes.", example=["mcp_server"])
    limits = Json(object_only=True, required=True, description=f"By name: {', '.join(LIMITS)}.", example={"users": 10})


class SubscribeIn(Schema):
    """The new plan of the organization."""

    plan_id = Text(1, 40, required=True, description="One of GET /subscriptions with is_offered.", example="team")


class CancelIn(Schema):
    """When the plan ends."""

    at = Choice(*ENDS, load_default=PERIOD_END, description="now: the rest of the period is not charged.")


class SubscriptionOut(RecordOut):
    """A subscription of the organization to a plan: for a period, or a part of one."""

    id = Id("subscription", required=True)
    plan_id = Text(required=True, example="team")
    status = Choice(*STATUSES, required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(allow_none=True, required=True, description="null if it does not end by itself.")
    period_starts_at = Instant(allow_none=True, required=True, description="Of the whole period.")
    period_ends_at = Instant(allow_none=True, required=True)
    price = Integer(required=True, description="Micro-units of the currency, for the whole period.", example=29_000_000)
    amount = Integer(required=True, description="Cost of this part of the period; all parts add up to its cost.")
    currency = Text(required=True, example="EUR")
    next_plan_id = Text(allow_none=True, required=True, description="The plan from ends_at on; null is the same one.")


class CurrentOut(Schema):
    """The organization's plan."""

    plan = Object(PlanOut, required=True)
    subscription = Object(SubscriptionOut, allow_none=True, required=True, description="null while it never had one.")
    timezone = Timezone(required=True, description="Time zone of the periods.")
    starts_at = Instant(required=True, description="Of the current period.")
    resets_at = Instant(required=True, description="When the next one begins.")


class UsageQuery(Schema):
    """The grouping of usage."""

    group_by = Choice(*GROUPS, description="Adds groups to each meter that supports it.")


class GroupOut(Schema):
    """A part of the usage."""

    key = Text(
        allow_none=True, required=True, description="The day, or the id; null is everything without one.", example="2026-01-31"
    )
    used = Integer(required=True)


class MeterOut(Schema):
    """The usage of one limit."""

    limit = Text(required=True, example="executions")
    used = Integer(required=True)
    max = Integer(allow_none=True, required=True, description="null is no limit.")
    percent = Number(allow_none=True, required=True)
    forecast = Integer(
        allow_none=True, required=True, description="Forecast for the end of the period; null if it does not reset."
    )
    resets_at = Instant(allow_none=True, required=True, description="null for objects that count while they exist.")
    groups = ListOf(Object(GroupOut), allow_none=True, required=True, description="The hundred largest; null without group_by.")


class UsageOut(Schema):
    """The usage in a period."""

    plan_id = Text(required=True, example="team")
    timezone = Timezone(required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    counted_until_at = Instant(required=True)
    meters = ListOf(Object(MeterOut), required=True)
