"""What clients write about subscriptions, and what they get."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Number, Object, Text, Timezone
from aasim_core.schemas.schema import RecordOut, Schema

from .models import ENDS, PERIOD_END, STATUSES
from .plans import LIMITS
from .usage import GROUPS

_MANY = 1_000


class PlanOut(Schema):
    """A plan, as the operator wrote it in the settings."""

    id = Text(required=True, example="team")
    title = Text(required=True, example="Team")
    description = Text(max_length=2_000, required=True)
    price = Integer(required=True, description="Micro-units of the currency, for a period.", example=29_000_000)
    currency = Text(required=True, example="EUR")
    price_text = Text(required=True, description="What people read of the price.", example="29 euros a month")
    is_offered = Boolean(required=True, description="Whether one can subscribe to it; others are given by the operator.")
    without = ListOf(
        Text(), _MANY, required=True, description="The plugins that one does not have with it.", example=["mcp_server"]
    )
    limits = Json(object_only=True, required=True, description=f"By name: {', '.join(LIMITS)}.", example={"users": 10})


class SubscribeIn(Schema):
    """Which plan the organization is to be on."""

    plan_id = Text(1, 40, required=True, description="One of GET /subscriptions that is_offered.", example="team")


class CancelIn(Schema):
    """When the plan is to end."""

    at = Choice(*ENDS, load_default=PERIOD_END, description="now: the rest of the period is not charged.")


class SubscriptionOut(RecordOut):
    """That the organization is, or was, on a plan: for a period, or a part of one."""

    id = Id("subscription", required=True)
    plan_id = Text(required=True, example="team")
    status = Choice(*STATUSES, required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(allow_none=True, required=True, description="null where nothing ends by itself.")
    period_starts_at = Instant(allow_none=True, required=True, description="Of the whole period.")
    period_ends_at = Instant(allow_none=True, required=True)
    price = Integer(required=True, description="Micro-units of the currency, for the whole period.", example=29_000_000)
    amount = Integer(required=True, description="The same for this part of it; all parts of a period sum to what it costs.")
    currency = Text(required=True, example="EUR")
    next_plan_id = Text(allow_none=True, required=True, description="The plan from ends_at on; null is the same one.")


class CurrentOut(Schema):
    """The plan that the organization is on."""

    plan = Object(PlanOut, required=True)
    subscription = Object(SubscriptionOut, allow_none=True, required=True, description="null while it never had one.")
    timezone = Timezone(required=True, description="Whose months are the periods.")
    starts_at = Instant(required=True, description="Of the period that it is.")
    resets_at = Instant(required=True, description="When the next one begins.")


class UsageQuery(Schema):
    """By what usage is told."""

    group_by = Choice(*GROUPS, description="Adds groups to each meter that can be told by it.")


class GroupOut(Schema):
    """A part of what was used."""

    key = Text(
        allow_none=True, required=True, description="The day, or the id; null is what belongs to none.", example="2026-01-31"
    )
    used = Integer(required=True)


class MeterOut(Schema):
    """What was used of one limit."""

    limit = Text(required=True, example="executions")
    used = Integer(required=True)
    max = Integer(allow_none=True, required=True, description="null is no limit.")
    percent = Number(allow_none=True, required=True)
    forecast = Integer(
        allow_none=True,
        required=True,
        description="At the end of the period, if it goes on as so far; null where nothing resets.",
    )
    resets_at = Instant(allow_none=True, required=True, description="null for what is counted as long as it is there.")
    groups = ListOf(Object(GroupOut), allow_none=True, required=True, description="The hundred largest; null without group_by.")


class UsageOut(Schema):
    """What was used in a period."""

    plan_id = Text(required=True, example="team")
    timezone = Timezone(required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    counted_until_at = Instant(required=True)
    meters = ListOf(Object(MeterOut), required=True)
