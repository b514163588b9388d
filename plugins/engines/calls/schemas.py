"""Requests and responses of engine calls."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Integer, Patterned, Text
from aasim_core.schemas.schema import RecordOut, Schema

from .records import OUTCOMES

_MOST = 10**15


class CorrectionIn(Schema):
    """The actual usage; omitted numbers were right, and at least one is given."""

    input_tokens = Integer(0, _MOST)
    output_tokens = Integer(0, _MOST)
    cost = Integer(0, _MOST, description="Micro-units of the currency.", example=149)
    currency = Patterned(
        "[A-Z]{3}", 'a three-letter currency code (ISO 4217), such as "EUR"', max_length=3, example="EUR",
        description="Required if the call had no known price; otherwise it cannot change.",
    )  # fmt: skip
    reason = Text(1, 500, required=True, description="The reason, for auditors.", example="The provider's invoice.")


class CallOut(RecordOut):
    """The usage of a call, or a correction of it."""

    id = Id("enginecall", required=True)
    engine_id = Id("engine", required=True)
    model = Text(required=True, description="The model's name in the response.")
    outcome = Choice(*OUTCOMES, required=True, description="unfinished: it ended without a reply; correction: see corrects_id.")
    input_tokens = Integer(required=True, description="In a correction the difference, as in all counts.")
    output_tokens = Integer(required=True)
    cache_read_tokens = Integer(required=True, description="Of the input_tokens, those read from the provider's cache.")
    cache_write_tokens = Integer(required=True, description="Of the input_tokens, those written to the provider's cache.")
    is_estimated = Boolean(required=True, description="Whether the tokens are estimated because the provider did not count them.")
    cost = Integer(allow_none=True, required=True, description="Micro-units; null if the price is not known.")
    currency = Text(allow_none=True, required=True, example="USD")
    price_source = Text(allow_none=True, required=True, description="By which prices.", example="operator")
    execution_id = Id("exec", allow_none=True, required=True, description="null for a call outside of runs.")
    step = Integer(allow_none=True, required=True, description="The number of the execution's step.")
    path = Text(allow_none=True, required=True, description="The path of that step.", example="engine#2")
    agent_id = Id("agent", allow_none=True, required=True)
    project_id = Id("project", allow_none=True, required=True, description="The project at that time.")
    api_key_id = Id(allow_none=True, required=True)
    initiator_id = Id("user", allow_none=True, required=True, description="Who started the work.")
    corrects_id = Id("enginecall", allow_none=True, required=True, description="The call that this corrects.")
    reason = Text(allow_none=True, required=True, description="The reason for the correction.")
