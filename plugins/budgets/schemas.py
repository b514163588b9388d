"""Requests and responses of budgets."""

from aasim_core.resources.places import PlaceIn, PlaceOut
from aasim_core.schemas.fields import Choice, Id, Instant, Integer, ListOf, Number, Object, Patterned, Text, Timezone
from aasim_core.schemas.rules import AnyOf, Needs
from aasim_core.schemas.schema import RecordOut, Schema

from .models import ACTIVE, ALLOW, KINDS, PERIODS, REFUSE, STATUSES

#: Larger limits could overflow the sum of used and reserved amounts in 64 bits.
_MOST = 10**15


HAS_LIMIT = AnyOf("max_cost", "max_tokens")


class LimitedIn(PlaceIn):
    """The organization, a node in its tree, an agent, or an API key."""

    type = Choice(*KINDS, required=True, example="organization")

    rules = (Needs("id", of="type", when=tuple(kind for kind in KINDS if kind != "organization")),)


class LimitedOut(PlaceOut):
    """The organization, a node in its tree, an agent, or an API key, in a response."""

    type = Choice(*KINDS, required=True)


class BudgetIn(Schema):
    """A budget in a request: at least one of max_cost and max_tokens. What it counts is fixed at creation."""

    name = Text(1, 120, required=True, description="Unique in the organization.", example="Marketing, monthly")
    place = Object(LimitedIn, required=True, description="What it limits, with everything in it; fixed.")
    period = Choice(*PERIODS, load_default="month", description="When it resets; weeks begin on Monday. Fixed.")
    timezone = Timezone(load_default="UTC", description="Time zone of the resets. Fixed.", example="Europe/Vienna")
    max_cost = Integer(
        1,
        _MOST,
        allow_none=True,
        load_default=None,
        description="Micro-units of the currency; null is no limit.",
        example=5_000_000,
    )
    currency = Patterned(
        "[A-Z]{3}", 'a three-letter currency code (ISO 4217), such as "EUR"', load_default="USD", max_length=3, example="EUR",
        description="Prices in other currencies count as unknown. Fixed.",
    )  # fmt: skip
    max_tokens = Integer(1, _MOST, allow_none=True, load_default=None, description="Input and output tokens; null is no limit.")
    unpriced = Choice(
        REFUSE, ALLOW, load_default=REFUSE, description="What happens to calls without a known price, if max_cost is set."
    )
    warn_percents = ListOf(
        Integer(1, 100), 10, unique=True, load_default=lambda: [80], description="Percentages at which a warning is sent."
    )
    status = Choice(*STATUSES, load_default=ACTIVE, description="disabled: it counts, but refuses nothing.")

    rules = (HAS_LIMIT,)


class CurrentOut(Schema):
    """The state of a budget in its current period."""

    starts_at = Instant(required=True)
    resets_at = Instant(allow_none=True, required=True, description="When the next period begins; null if there is none.")
    used_cost = Integer(required=True, description="Micro-units.")
    used_tokens = Integer(required=True)
    reserved_cost = Integer(required=True, description="Reserved for running calls.")
    reserved_tokens = Integer(required=True)
    percent = Number(required=True, description="Used percentage of the limit that is closest to exhaustion.")


class BudgetOut(RecordOut):
    """A budget in a response."""

    expandable = ("place",)

    id = Id("budget", required=True)
    name = Text(required=True)
    place = Object(LimitedOut, required=True)
    period = Choice(*PERIODS, required=True)
    timezone = Text(required=True)
    max_cost = Integer(allow_none=True, required=True)
    currency = Text(required=True)
    max_tokens = Integer(allow_none=True, required=True)
    unpriced = Choice(REFUSE, ALLOW, required=True)
    warn_percents = ListOf(Integer(), required=True)
    status = Choice(*STATUSES, required=True)
    current = Object(CurrentOut, required=True)


class PeriodOut(Schema):
    """The usage of a budget in one period."""

    id = Id("budgetuse", required=True)
    budget_id = Id("budget", required=True)
    budget_name = Text(required=True, example="Marketing, monthly")
    currency = Text(required=True, example="EUR")
    starts_at = Instant(required=True)
    ends_at = Instant(allow_none=True, required=True)
    used_cost = Integer(required=True, description="Micro-units.")
    used_tokens = Integer(required=True)
    reserved_cost = Integer(required=True, description="Reserved for running calls.")
    reserved_tokens = Integer(required=True)
