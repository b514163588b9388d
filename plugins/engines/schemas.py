"""What clients write about engines, and what they get."""

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
    """What the model can be trusted with; what is left out is as the provider's models usually are."""

    streaming = Boolean()
    tools = Choice("native", "emulated", "none", description="emulated: tools are called through schema-bound JSON.")
    json_schema = Boolean(description="Whether output can be bound to a JSON Schema.")
    judge = Boolean(description="Whether the model may grade the work of others.")


class PriceIn(Schema):
    """What tokens cost from a day on."""

    input = Integer(0, 10**12, required=True, description="Micro-units a million input tokens: 150000 is 0.15.")
    output = Integer(0, 10**12, required=True, description="Micro-units a million output tokens.")
    currency = Patterned("[A-Z]{3}", 'a currency, such as "USD"', load_default="USD", max_length=3)
    valid_from = Date(allow_none=True, load_default=None, description="The first day; null is always.")


class LimitsIn(Schema):
    """How much is asked of an engine, by everybody in the organization together; null is no limit."""

    rpm = Integer(1, 10**9, allow_none=True, load_default=None, description="Calls that begin within any minute.")
    tpm = Integer(
        1, 10**12, allow_none=True, load_default=None, description="Tokens, read and written, of the calls of any minute."
    )
    concurrency = Integer(1, 1_000, allow_none=True, load_default=None, description="Calls at the same time.")


class EngineIn(Schema):
    """An engine as a client writes it."""

    name = NAME
    provider = Text(
        1, 64, required=True, description="One of the providers that the installation's plugins bring.", example="scripted"
    )
    model = Text(1, 200, allow_none=True, load_default=None, description="The model's name at the provider; its own one if null.")
    base_url = Url(allow_none=True, load_default=None, description="Where the service is; null is the provider's own address.")
    api_key = Secret(allow_none=True, load_default=None, description="Kept encrypted, never shown again.")
    status = Choice("active", "disabled", load_default="active")
    capabilities = Object(CapabilitiesIn, load_default=dict)
    context_tokens = Integer(1, 100_000_000, allow_none=True, load_default=None)
    default_parameters = Json(
        object_only=True, load_default=dict, description="temperature, max_output_tokens, seed, stop, and the provider's own."
    )
    limits = Object(LimitsIn, load_default=dict, description="What finds no room waits in the queue.")
    prices = ListOf(Object(PriceIn), 50, load_default=list, description="The operator's own; they go before the built-in list.")
    fallback_engine_ids = ListOf(
        Id("engine"), 5, unique=True, load_default=list, description="Asked in turn while this one cannot answer."
    )


class LimitsOut(Schema):
    """How much is asked of an engine; null is no limit."""

    rpm = Integer(allow_none=True, required=True)
    tpm = Integer(allow_none=True, required=True)
    concurrency = Integer(allow_none=True, required=True)


class FailureOut(Schema):
    """Why an engine did not answer."""

    code = Text(required=True)
    message = Text(max_length=500, multiline=True, required=True)
    occurred_at = Instant(required=True)


class HealthOut(Schema):
    """How an engine has done lately."""

    state = Choice("healthy", "failing", "degraded", required=True, description="failing: the last calls got no answer.")
    status_since_at = Instant(allow_none=True, required=True, description="When it was last degraded, or recovered.")
    consecutive_failures = Integer(required=True)
    last_error = Object(FailureOut, allow_none=True, required=True)
    next_probe_at = Instant(allow_none=True, required=True, description="When a degraded engine is asked again.")
    last_test = Json(object_only=True, allow_none=True, required=True, description="How the last test went.")
    calls = Integer(required=True, description="In the last hour.")
    failures = Integer(required=True, description="Those of them that got no answer.")
    success_rate = Number(allow_none=True, required=True, description="The share that got one; null without calls.")


class EngineOut(RecordOut):
    """An engine as a client gets it."""

    id = Id("engine", required=True)
    name = Text(required=True)
    provider = Text(required=True)
    model = Text(required=True)
    base_url = Url(allow_none=True, required=True)
    kind = Choice("chat", required=True)
    status = Choice("active", "degraded", "disabled", required=True, description="degraded: it did not answer, and has a rest.")
    capabilities = Object(CapabilitiesIn, required=True)
    context_tokens = Integer(allow_none=True, required=True)
    default_parameters = Json(object_only=True, required=True)
    limits = Object(LimitsOut, required=True)
    prices = ListOf(Object(PriceIn), 50, required=True)
    fallback_engine_ids = ListOf(Id("engine"), required=True)
    health = Object(HealthOut, allow_none=True, required=True, description="null before the first call.")
    has_api_key = Boolean(required=True)
    built_in = Boolean(required=True, description="Whether it came with the installation.")
    halted_at = Instant(allow_none=True, required=True, description="Since when it is not asked.")
    is_default = Boolean(required=True, description="Whether agents that name no engine use it.")


class TestOut(Schema):
    """How a test went."""

    ok = Boolean(required=True)
    text = Text(max_length=2_000, multiline=True, allow_none=True, required=True, description="What the model answered.")
    model = Text(allow_none=True, required=True, description="The model's name as it was answered.")
    input_tokens = Integer(allow_none=True, required=True)
    output_tokens = Integer(allow_none=True, required=True)
    cost = Integer(allow_none=True, required=True, description="Micro-units; null where no price is known.")
    currency = Text(allow_none=True, required=True, description="The currency of the cost.", example="USD")
    duration_ms = Integer(required=True)
    error = Json(object_only=True, allow_none=True, required=True)
