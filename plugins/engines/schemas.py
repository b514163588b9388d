"""Requests and responses of engines."""

from aasim_core.schemas.fields import (
    Boolean,
    Choice,
    Date,
    Id,
    Instant,
    Integer,
    Json,
    ListOf,
    Number,
    Object,
    Patterned,
    Secret,
    Text,
    Url,
)
from aasim_core.schemas.schema import RecordOut, Schema

NAME = Text(1, 120, required=True, description="Unique in the organization.")


class CapabilitiesIn(Schema):
    """The model's capabilities; the provider's defaults where omitted."""

    streaming = Boolean()
    tools = Choice("native", "emulated", "none", description="emulated: tools are called through schema-bound JSON.")
    json_schema = Boolean(description="Whether output can be bound to a JSON Schema.")
    judge = Boolean(description="Whether the model may act as a judge.")


class PriceIn(Schema):
    """The price of tokens from a day on."""

    input = Integer(0, 10**12, required=True, description="Micro-units per million input tokens: 150000 is 0.15.")
    output = Integer(0, 10**12, required=True, description="Micro-units per million output tokens.")
    currency = Patterned("[A-Z]{3}", 'a currency, such as "USD"', load_default="USD", max_length=3)
    valid_from = Date(allow_none=True, load_default=None, description="The first day; null is always.")


class LimitsIn(Schema):
    """Rate limits of an engine, for the whole organization; null is no limit."""

    rpm = Integer(1, 10**9, allow_none=True, load_default=None, description="Calls that begin within any minute.")
    tpm = Integer(
        1, 10**12, allow_none=True, load_default=None, description="Tokens, input and output, of the calls of any minute."
    )
    concurrency = Integer(1, 1_000, allow_none=True, load_default=None, description="Concurrent calls.")


class EngineIn(Schema):
    """An engine in a request."""

    name = NAME
    provider = Text(1, 64, required=True, description="One of the providers of the installed plugins.", example="scripted")
    model = Text(
        1, 200, allow_none=True, load_default=None, description="The model's name at the provider; the engine's own name if null."
    )
    base_url = Url(allow_none=True, load_default=None, description="The service's address; null is the provider's default.")
    api_key = Secret(allow_none=True, load_default=None, description="Stored encrypted, never shown again.")
    status = Choice("active", "disabled", load_default="active")
    capabilities = Object(CapabilitiesIn, load_default=dict)
    context_tokens = Integer(1, 100_000_000, allow_none=True, load_default=None)
    default_parameters = Json(
        object_only=True, load_default=dict, description="temperature, max_output_tokens, seed, stop, and provider-specific ones."
    )
    limits = Object(LimitsIn, load_default=dict, description="Calls beyond a limit wait in the queue.")
    prices = ListOf(
        Object(PriceIn), 50, load_default=list, description="The operator's own prices, which override the built-in list."
    )
    fallback_engine_ids = ListOf(
        Id("engine"), 5, unique=True, load_default=list, description="Tried in order while this one is unavailable."
    )


class LimitsOut(Schema):
    """Rate limits of an engine; null is no limit."""

    rpm = Integer(allow_none=True, required=True)
    tpm = Integer(allow_none=True, required=True)
    concurrency = Integer(allow_none=True, required=True)


class FailureOut(Schema):
    """Why an engine did not answer."""

    code = Text(required=True)
    message = Text(max_length=500, multiline=True, required=True)
    occurred_at = Instant(required=True)


class HealthOut(Schema):
    """An engine's recent health."""

    state = Choice("healthy", "failing", "degraded", required=True, description="failing: the last calls were not answered.")
    status_since_at = Instant(allow_none=True, required=True, description="When it last became degraded or recovered.")
    consecutive_failures = Integer(required=True)
    last_error = Object(FailureOut, allow_none=True, required=True)
    next_probe_at = Instant(allow_none=True, required=True, description="When a degraded engine is tried again.")
    last_test = Json(object_only=True, allow_none=True, required=True, description="The result of the last test.")
    calls = Integer(required=True, description="In the last hour.")
    failures = Integer(required=True, description="Those of them that were not answered.")
    success_rate = Number(allow_none=True, required=True, description="The share of answered calls; null without calls.")


class EngineOut(RecordOut):
    """An engine in a response."""

    id = Id("engine", required=True)
    name = Text(required=True)
    provider = Text(required=True)
    model = Text(required=True)
    base_url = Url(allow_none=True, required=True)
    kind = Choice("chat", required=True)
    status = Choice(
        "active", "degraded", "disabled", required=True, description="degraded: it did not answer, and its circuit is open."
    )
    capabilities = Object(CapabilitiesIn, required=True)
    context_tokens = Integer(allow_none=True, required=True)
    default_parameters = Json(object_only=True, required=True)
    limits = Object(LimitsOut, required=True)
    prices = ListOf(Object(PriceIn), 50, required=True)
    fallback_engine_ids = ListOf(Id("engine"), required=True)
    health = Object(HealthOut, allow_none=True, required=True, description="null before the first call.")
    has_api_key = Boolean(required=True)
    built_in = Boolean(required=True, description="Whether it is built in.")
    halted_at = Instant(allow_none=True, required=True, description="Since when it is halted; null if it is not.")
    is_default = Boolean(required=True, description="Whether it is the default engine of agents.")


class TestOut(Schema):
    """The result of a test."""

    ok = Boolean(required=True)
    text = Text(max_length=2_000, multiline=True, allow_none=True, required=True, description="The model's answer.")
    model = Text(allow_none=True, required=True, description="The model's name in the response.")
    input_tokens = Integer(allow_none=True, required=True)
    output_tokens = Integer(allow_none=True, required=True)
    cost = Integer(allow_none=True, required=True, description="Micro-units; null if the price is not known.")
    currency = Text(allow_none=True, required=True, description="The currency of the cost.", example="USD")
    duration_ms = Integer(required=True)
    error = Json(object_only=True, allow_none=True, required=True)
