"""What clients write about listings and purchases, and what they get."""

from typing import Any

from marshmallow import validates

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Number, Object, Patterned, Text, wrong
from aasim_core.schemas.schema import RecordOut, Schema

from ..executions.hookspecs import EFFECTS
from .models import CREDITS, DRAFT, ENTRY_TYPES, FREE, OWN, PRICE_TYPES, PUBLISHED, STATUSES, VISIBILITIES
from .requirements import ASKS

_MOST = 10**15


class PriceIn(Schema):
    """What a licence costs."""

    type = Choice(*PRICE_TYPES, load_default=FREE)
    amount = Integer(0, _MOST, load_default=0, description="Micro-credits; 0 for what is free.", example=0)
    currency = Patterned(CREDITS, f'"{CREDITS}"', load_default=CREDITS, example=CREDITS)


def _free() -> dict[str, Any]:
    return {"type": FREE, "amount": 0, "currency": CREDITS}


class ExampleIn(Schema):
    """An input that a listing can be tried with."""

    input = Json(
        allow_none=True, required=True, description="What the agent is given.", example="Invoice 7: 100 pens for 100,000 EUR."
    )
    expected = Json(allow_none=True, load_default=None, description="What is right, to score what comes; null is not scored.")


class AboutIn(Schema):
    """What a seller says of a listing."""

    title = Text(1, 120, required=True, example="Invoice reader")
    summary = Text(max_length=300, load_default="", example="Reads invoices and names what is unusual.")
    description = Text(max_length=20_000, multiline=True, load_default="")
    category = Text(max_length=50, load_default="", example="finance")
    tags = ListOf(Text(1, 50), 20, unique=True, load_default=list)
    license = Text(max_length=2_000, multiline=True, load_default="", description="What buyers may do with their copy.")
    examples = ListOf(
        Object(ExampleIn),
        10,
        load_default=list,
        description="What others can try it with before they buy it; without any, nobody can.",
    )


class TermsIn(AboutIn):
    """A listing as a seller writes it, but for the agent."""

    price = Object(PriceIn, load_default=_free)
    visibility = Choice(
        *VISIBILITIES,
        load_default=OWN,
        description="Who sees it: your organization, or every one of the installation, which can buy it.",
    )
    agent_version = Integer(
        1, allow_none=True, load_default=None, description="The version that is sold; null is the current one."
    )
    effects = ListOf(
        Choice(*EFFECTS), len(EFFECTS), unique=True, allow_none=True, load_default=None,
        description="What the tools of the agent do; null states what they do. Stating less is refused.",
    )  # fmt: skip
    status = Choice(
        DRAFT,
        PUBLISHED,
        load_default=PUBLISHED,
        description="published: it goes through the gates, and to a review where there is one.",
    )


class ListingIn(TermsIn):
    """A listing of an agent."""

    agent_id = Id("agent", required=True, description="The agent; fixed.")


class AppOut(Schema):
    """The connected app of an operation."""

    name = Text(required=True)
    provider = Text(required=True, description="How it is connected.")
    scopes = ListOf(Text(), required=True, description="What the seller's has.")


class ToolOut(Schema):
    """A tool that the agent uses."""

    key = Text(required=True, description="What it is called in purchases.", example="app:orders_list")
    plugin = Text(allow_none=True, required=True, description="What brings it.")
    description = Text(max_length=100_000, multiline=True, required=True)
    effect = Choice(*EFFECTS, required=True)
    approval = Text(max_length=1024, required=True, example="auto")
    asks = Choice(*ASKS, required=True, description="Whether people are asked before it is used.")
    app = Object(AppOut, allow_none=True, required=True, description="Of an operation of a connected app.")
    digest = Text(64, 64, required=True, description="SHA-256 of what the tool tells of itself; equal where it is the same tool.")
    ref = Text(allow_none=True, required=True, description="In a plan: your own tool that stands for it; null for none.")


class RequirementsOut(Schema):
    """What a copy needs."""

    plugins = ListOf(Text(), required=True)
    provider = Text(allow_none=True, required=True, description="Of the seller's engine; null: it runs on the default one.")
    model = Text(allow_none=True, required=True)
    tools = ListOf(Object(ToolOut), required=True)
    limits = Json(object_only=True, required=True, description="Where a run of it ends.")


class ScoreOut(Schema):
    """How the version did with one of its rubrics."""

    name = Text(required=True)
    threshold = Number(required=True)
    score = Number(allow_none=True, required=True)
    cases = Integer(required=True)
    status = Text(required=True, description="passed, failed, or missing for a version that was not evaluated.", example="passed")


class OriginOut(Schema):
    """Where a listing came from that was imported as a bundle."""

    seller_name = Text(required=True)
    listing_id = Id("listing", required=True, description="In the installation that it was made in.")
    release = Integer(required=True)
    signed_by = Text(required=True, description="What the operator calls the owner of the key.")
    key = Text(required=True, description="The key that the bundle was signed with.")


class RatingOut(Schema):
    """What buyers say of a listing."""

    average = Number(required=True, description="Of the stars, from 1 to 5.")
    count = Integer(required=True, description="How many reviews there are.")


class ListingOut(RecordOut):
    """A listing as a client gets it."""

    id = Id("listing", required=True)
    agent_id = Id("agent", allow_none=True, required=True, description="Null in listings of other organizations.")
    agent_version = Integer(required=True)
    title = Text(required=True)
    summary = Text(required=True)
    description = Text(max_length=20_000, multiline=True, required=True)
    category = Text(required=True)
    tags = ListOf(Text(), required=True)
    license = Text(max_length=2_000, multiline=True, required=True)
    examples = ListOf(Object(ExampleIn), required=True)
    price = Object(PriceIn, required=True)
    visibility = Choice(*VISIBILITIES, required=True)
    status = Choice(*STATUSES, required=True)
    review_notes = Text(max_length=2_000, multiline=True, allow_none=True, required=True, description="For its seller only.")
    effects = ListOf(Choice(*EFFECTS), required=True, description="What the tools of the agent do.")
    requirements = Object(RequirementsOut, required=True)
    scorecard = ListOf(Object(ScoreOut), required=True)
    seller_name = Text(allow_none=True, required=True, description="Null until it is published.")
    origin = Object(OriginOut, allow_none=True, required=True, description="Of a listing that was imported.")
    purchases_count = Integer(required=True)
    rating = Object(RatingOut, allow_none=True, required=True, description="Null for one that nobody has reviewed.")
    revenue = Integer(
        allow_none=True,
        required=True,
        description="What was paid for it and not refunded, in micro-credits; for its seller only.",
    )
    published_at = Instant(allow_none=True, required=True)


class AgreedIn(Schema):
    """What was agreed to, and what stands for the agent's tools."""

    digest = Text(64, 64, allow_none=True, load_default=None, description="Of the plan that you saw; not needed with plan=true.")
    tools = Json(
        object_only=True, load_default=dict, description="Refs of your own tools by the keys of the plan; others are left out.",
        example={},
    )  # fmt: skip

    @validates("tools")
    def _are_refs(self, value: Any, data_key: str) -> None:
        if len(value) > 64 or not all(isinstance(ref, str) and len(ref) <= 200 for ref in value.values()):
            raise wrong("invalid_format", "Write at most 64 refs of tools, each a text of at most 200 characters.")


class PurchaseIn(AgreedIn):
    """How the copy is made, and what was agreed to."""

    name = Text(1, 120, allow_none=True, load_default=None, description="Of the copy; the agent's own if it is left out.")
    project_id = Id(allow_none=True, load_default=None, description="Where the copy is to be; null is the organization itself.")
    engine_id = Id("engine", allow_none=True, load_default=None, description="What the copy runs on; null is the default engine.")


class PlanQuery(Schema):
    """Whether only to look."""

    plan = Boolean(load_default=False, description="Only say what would be made, what it costs and needs, and what is missing.")


class BalanceOut(Schema):
    """The credits of an organization."""

    amount = Integer(required=True, description="Micro-credits.")
    currency = Text(required=True, example=CREDITS)


class LackOut(Schema):
    """Something that is missing."""

    kind = Text(required=True, description="tool, engine, parameters or credits.", example="tool")
    ref = Text(required=True)
    message = Text(max_length=1_000, required=True)


class AnyPlanOut(Schema):
    """What a copy would need and do."""

    digest = Text(required=True, description="Names this plan; the request that carries it out sends it.")
    listing_id = Id("listing", required=True)
    release = Integer(required=True, description="Which release of the listing it is.")
    license = Text(max_length=2_000, multiline=True, required=True)
    effects = ListOf(Choice(*EFFECTS), required=True)
    engine_id = Id("engine", allow_none=True, required=True, description="What the copy runs on; null is the default engine.")
    requirements = Object(RequirementsOut, required=True)
    missing = ListOf(Object(LackOut), required=True)


class PlanOut(AnyPlanOut):
    """What a purchase would cost and make."""

    price = Object(PriceIn, required=True)
    balance = Object(BalanceOut, required=True)


class PurchaseOut(RecordOut):
    """A licence, and the copy that came with it."""

    id = Id("purchase", required=True)
    listing_id = Id("listing", required=True)
    title = Text(required=True)
    seller_name = Text(required=True)
    license = Text(max_length=2_000, multiline=True, required=True)
    release = Integer(required=True, description="Which release of the listing the copy is of.")
    agent_id = Id("agent", required=True, description="The copy.")
    effects = ListOf(Choice(*EFFECTS), required=True, description="What was agreed to.")
    paid = Integer(required=True, description="Micro-credits.")
    refunded_at = Instant(allow_none=True, required=True, description="Since when the licence is given back.")
    created_by = Id("user", required=True)


class BoughtOut(PurchaseOut):
    """A licence, and whether there is a newer release."""

    available_release = Integer(allow_none=True, required=True, description="The newer release that there is; null for none.")


class PurchasedOut(Schema):
    """The plan, and what was made of it."""

    planned = Boolean(required=True, description="Whether nothing was done.")
    plan = Object(PlanOut, required=True)
    purchase = Object(PurchaseOut, allow_none=True, required=True)


class EntryOut(RecordOut):
    """An entry of the ledger in an account of the organization."""

    id = Id("entry", required=True)
    transaction_id = Id(required=True)
    account = Text(required=True, description="balance, or its counterpart issued.", example="balance")
    type = Choice(*ENTRY_TYPES, required=True)
    amount = Integer(required=True, description="Micro-credits.")
    currency = Text(required=True, example=CREDITS)
    listing_id = Id("listing", allow_none=True, required=True)
    reason = Text(max_length=500, required=True)
