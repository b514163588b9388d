"""What clients write about budgets, and what they get."""

from aasim_core.schemas.fields import Choice, Id, Instant, Integer, ListOf, Number, Object, Patterned, Text, Timezone
from aasim_core.schemas.rules import Needs
from aasim_core.schemas.schema import RecordOut, Schema

from .models import ACTIVE, ALLOW, PERIODS, REFUSE, SCOPES, STATUSES

#: More would not fit the sum of what is used and reserved into 64 bits with certainty.
_MOST = 10**15


class BudgetIn(Schema):
    """A budget as a client writes it: at least one of max_cost and max_tokens. What it counts is fixed once it is made."""

    name = Text(1, 120, required=True, description="Unique in the organization.", example="Marketing, monthly")
    scope_type = Choice(*SCOPES, required=True, description="What it is for; fixed.")
    scope_id = Id(
        allow_none=True, load_default=None, description="Which one; the organization itself where that is meant. Fixed."
    )
    period = Choice(*PERIODS, load_default="month", description="What it begins anew with; weeks begin on Monday. Fixed.")
    timezone = Timezone(load_default="UTC", description="Whose midnights count. Fixed.", example="Europe/Vienna")
    max_cost = Integer(1, _MOST, allow_none=True, load_default=None, description="Micro-units of the currency; null is no limit.")
    currency = Patterned(
        "[A-Z]{3}", 'a currency\'s three letters (ISO 4217), such as "EUR"', load_default="USD", max_length=3, example="EUR",
        description="Prices in other currencies count as unknown. Fixed.",
    )  # fmt: skip
    max_tokens = Integer(1, _MOST, allow_none=True, load_default=None, description="Tokens, read and written; null is no limit.")
    unpriced = Choice(
        REFUSE, ALLOW, load_default=REFUSE, description="What becomes of calls whose price is not known, where max_cost is set."
    )
    warn_percents = ListOf(
        Integer(1, 100), 10, unique=True, load_default=lambda: [80], description="Percents that are told of when they are passed."
    )
    status = Choice(*STATUSES, load_default=ACTIVE, description="disabled: it counts and refuses nothing.")

    rules = (Needs("scope_id", of="scope_type", when=tuple(scope for scope in SCOPES if scope != "organization")),)


class CurrentOut(Schema):
    """How far a budget is in its current period."""

    starts_at = Instant(required=True)
    resets_at = Instant(allow_none=True, required=True, description="When the next period begins; null where there is none.")
    used_cost = Integer(required=True, description="Micro-units.")
    used_tokens = Integer(required=True)
    reserved_cost = Integer(required=True, description="Held for calls that go on.")
    reserved_tokens = Integer(required=True)
    percent = Number(required=True, description="How much is used of the limit that is nearest to its end.")


class BudgetOut(RecordOut):
    """A budget as a client gets it."""

    id = Id("budget", required=True)
    name = Text(required=True)
    scope_type = Choice(*SCOPES, required=True)
    scope_id = Id(required=True)
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
    """What was used of a budget in one period."""

    id = Id("budgetuse", required=True)
    budget_id = Id("budget", required=True)
    budget_name = Text(required=True, example="Marketing, monthly")
    currency = Text(required=True, example="EUR")
    starts_at = Instant(required=True)
    ends_at = Instant(allow_none=True, required=True)
    used_cost = Integer(required=True, description="Micro-units.")
    used_tokens = Integer(required=True)
    reserved_cost = Integer(required=True, description="Held for calls that go on.")
    reserved_tokens = Integer(required=True)
