"""Requests and responses of listings and purchases."""

from typing import Any

from marshmallow import validates

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Number, Object, Patterned, Text, wrong
from aasim_core.schemas.schema import RecordOut, Schema

from ..executions.hookspecs import EFFECTS
from .models import CREDITS, DRAFT, ENTRY_TYPES, FREE, OWN, PRICE_TYPES, PUBLISHED, STATUSES, VISIBILITIES
from .requirements import ASKS

_MOST = 10**15


class PriceIn(Schema):
    """The price of a licence."""

    type = Choice(*PRICE_TYPES, load_default=FREE)
    amount = Integer(0, _MOST, load_default=0, description="Micro-credits; 0 if it is free.", example=0)
    currency = Patterned(CREDITS, f'"{CREDITS}"', load_default=CREDITS, example=CREDITS)


def _free() -> dict[str, Any]:
    return {"type": FREE, "amount": 0, "currency": CREDITS}


class ExampleIn(Schema):
    """An example input of a listing."""

    input = Json(
        allow_none=True, required=True, description="What the agent is given.", example="Invoice 7: 100 pens for 100,000 EUR."
    )
    expected = Json(allow_none=True, load_default=None, description="The correct answer, for scoring; null is not scored.")


class AboutIn(Schema):
    """The seller's description of a listing."""

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
        description="Examples for tries before a purchase; without any, tries are impossible.",
    )


class TermsIn(AboutIn):
    """A listing in a request, without the agent."""

    price = Object(PriceIn, load_default=_free)
    visibility = Choice(
        *VISIBILITIES,
        load_default=OWN,
        description="Who sees it: your organization, or every organization of the installation, which can buy it.",
    )
    agent_version = Integer(1, allow_none=True, load_default=None, description="The version on sale; null is the current one.")
    effects = ListOf(
        Choice(*EFFECTS), len(EFFECTS), unique=True, allow_none=True, load_default=None,
        description="The stated effects of the agent's tools; null states the actual ones. Stating fewer is refused.",
    )  # fmt: skip
    status = Choice(
        DRAFT, PUBLISHED, load_default=PUBLISHED, description="published: it must pass the gates, and a review where required."
    )


class ListingIn(TermsIn):
    """A listing of an agent."""

    agent_id = Id("agent", required=True, description="The agent; fixed.")


class AppOut(Schema):
    """The connected app of an operation."""

    name = Text(required=True)
    provider = Text(required=True, description="Its connector.")
    scopes = ListOf(Text(), required=True, description="Of the seller's.")


class ToolOut(Schema):
    """A tool that the agent uses."""

    key = Text(required=True, description="Its key in purchases.", example="app:orders_list")
    plugin = Text(allow_none=True, required=True, description="What brings it.")
    description = Text(max_length=100_000, multiline=True, required=True)
    effect = Choice(*EFFECTS, required=True)
    approval = Text(max_length=1024, required=True, example="auto")
    asks = Choice(*ASKS, required=True, description="Whether it requires approval.")
    app = Object(AppOut, allow_none=True, required=True, description="For an operation of a connected app.")
    digest = Text(64, 64, required=True, description="SHA-256 of the tool's description; equal for the same tool.")
    ref = Text(allow_none=True, required=True, description="In a plan: your own tool that replaces it; null if there is none.")


class RequirementsOut(Schema):
    """The requirements of a copy."""

    plugins = ListOf(Text(), required=True)
    provider = Text(allow_none=True, required=True, description="Of the seller's engine; null: it runs on the default one.")
    model = Text(allow_none=True, required=True)
    tools = ListOf(Object(ToolOut), required=True)
    limits = Json(object_only=True, required=True, description="The limits of a run.")


class ScoreOut(Schema):
    """The version's result by one of its rubrics."""

    name = Text(required=True)
    threshold = Number(required=True)
    score = Number(allow_none=True, required=True)
    cases = Integer(required=True)
    status = Text(required=True, description="passed, failed, or missing for a version without an evaluation.", example="passed")


class OriginOut(Schema):
    """The origin of a listing imported as a bundle."""

    seller_name = Text(required=True)
    listing_id = Id("listing", required=True, description="In its original installation.")
    release = Integer(required=True)
    signed_by = Text(required=True, description="The operator's name for the owner of the key.")
    key = Text(required=True, description="The key that signed the bundle.")


class RatingOut(Schema):
    """The rating by buyers."""

    average = Number(required=True, description="Of the stars, from 1 to 5.")
    count = Integer(required=True, description="How many reviews there are.")


class ListingOut(RecordOut):
    """A listing in a response."""

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
    review_notes = Text(max_length=2_000, multiline=True, allow_none=True, required=True, description="Only for its seller.")
    effects = ListOf(Choice(*EFFECTS), required=True, description="The effects of the agent's tools.")
    requirements = Object(RequirementsOut, required=True)
    scorecard = ListOf(Object(ScoreOut), required=True)
    seller_name = Text(allow_none=True, required=True, description="Null until it is published.")
    origin = Object(OriginOut, allow_none=True, required=True, description="For an imported listing.")
    purchases_count = Integer(required=True)
    rating = Object(RatingOut, allow_none=True, required=True, description="Null without reviews.")
    revenue = Integer(
        allow_none=True, required=True, description="The revenue without refunds, in micro-credits; only for its seller."
    )
    published_at = Instant(allow_none=True, required=True)


class AgreedIn(Schema):
    """The agreement, and the replacements of the agent's tools."""

    digest = Text(
        64, 64, allow_none=True, load_default=None, description="Of the plan that you saw; not required with plan=true."
    )
    tools = Json(
        object_only=True, load_default=dict, description="Refs of your own tools by the keys of the plan; others are left out.",
        example={},
    )  # fmt: skip

    @validates("tools")
    def _are_refs(self, value: Any, data_key: str) -> None:
        if len(value) > 64 or not all(isinstance(ref, str) and len(ref) <= 200 for ref in value.values()):
            raise wrong("invalid_format", "Write at most 64 refs of tools, each a text of at most 200 characters.")


class PurchaseIn(AgreedIn):
    """How the copy is created, and the agreement."""

    name = Text(1, 120, allow_none=True, load_default=None, description="Of the copy; the agent's own by default.")
    project_id = Id(allow_none=True, load_default=None, description="The copy's project; null is the organization itself.")
    engine_id = Id("engine", allow_none=True, load_default=None, description="The copy's engine; null is the default one.")


class PlanQuery(Schema):
    """Whether to only show the plan."""

    plan = Boolean(load_default=False, description="Only show the result, its cost and requirements, and what is missing.")


class BalanceOut(Schema):
    """The credits of an organization."""

    amount = Integer(required=True, description="Micro-credits.")
    currency = Text(required=True, example=CREDITS)


class LackOut(Schema):
    """A missing requirement."""

    kind = Text(required=True, description="tool, engine, parameters or credits.", example="tool")
    ref = Text(required=True)
    message = Text(max_length=1_000, required=True)


class AnyPlanOut(Schema):
    """The requirements and effects of a copy."""

    digest = Text(required=True, description="Identifies this plan; the request that carries it out sends it.")
    listing_id = Id("listing", required=True)
    release = Integer(required=True, description="The release of the listing.")
    license = Text(max_length=2_000, multiline=True, required=True)
    effects = ListOf(Choice(*EFFECTS), required=True)
    engine_id = Id("engine", allow_none=True, required=True, description="The copy's engine; null is the default one.")
    requirements = Object(RequirementsOut, required=True)
    missing = ListOf(Object(LackOut), required=True)


class PlanOut(AnyPlanOut):
    """The cost and result of a purchase."""

    price = Object(PriceIn, required=True)
    balance = Object(BalanceOut, required=True)


class PurchaseOut(RecordOut):
    """A licence, and its copy."""

    id = Id("purchase", required=True)
    listing_id = Id("listing", required=True)
    title = Text(required=True)
    seller_name = Text(required=True)
    license = Text(max_length=2_000, multiline=True, required=True)
    release = Integer(required=True, description="The release of the listing that the copy has.")
    agent_id = Id("agent", required=True, description="The copy.")
    effects = ListOf(Choice(*EFFECTS), required=True, description="The agreement.")
    paid = Integer(required=True, description="Micro-credits.")
    refunded_at = Instant(allow_none=True, required=True, description="When the licence was returned.")
    created_by = Id("user", required=True)


class BoughtOut(PurchaseOut):
    """A licence, and whether there is a newer release."""

    available_release = Integer(allow_none=True, required=True, description="The newer release; null if there is none.")


class PurchasedOut(Schema):
    """The plan, and its result."""

    planned = Boolean(required=True, description="Whether nothing was changed.")
    plan = Object(PlanOut, required=True)
    purchase = Object(PurchaseOut, allow_none=True, required=True)


class EntryOut(RecordOut):
    """A ledger entry of an account of the organization."""

    id = Id("entry", required=True)
    transaction_id = Id(required=True)
    account = Text(required=True, description="balance, or its counterpart issued.", example="balance")
    type = Choice(*ENTRY_TYPES, required=True)
    amount = Integer(required=True, description="Micro-credits.")
    currency = Text(required=True, example=CREDITS)
    listing_id = Id("listing", allow_none=True, required=True)
    reason = Text(max_length=500, required=True)
