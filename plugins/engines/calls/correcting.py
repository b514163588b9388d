"""Correct the usage of a call by a further row with the difference."""

from collections.abc import Mapping
from typing import Any

import peewee

from aasim_core import Refused, emit
from aasim_core.data.records import create, database_of
from aasim_core.errors import Invalid, Problem

from .records import CORRECTION, EngineCall

_NUMBERS = ("input_tokens", "output_tokens", "cost")
_KEPT = (
    "engine_id",
    "model",
    "price_source",
    "execution_id",
    "step",
    "path",
    "agent_id",
    "project_id",
    "api_key_id",
    "initiator_id",
)


def correct(call: EngineCall, values: Mapping[str, Any]) -> EngineCall:
    """Write what the call took more or less than is known so far, in the running transaction.

    Refused ``invalid_state`` for a correction itself. Invalid where nothing differs, and for another currency than the call's.
    """
    if call.outcome == CORRECTION:
        raise Refused("invalid_state", f"This is a correction; correct the call itself, {call.corrects_id}.")
    database_of(EngineCall).lock(f"engines/calls/{call.id}")
    known, currency = _known(call)
    if "cost" in values:
        currency = _currency(currency, values.get("currency"))
    more = {name: values[name] - known[name] for name in _NUMBERS if name in values}
    if not any(more.values()):
        raise Invalid(
            {"reason": [Problem("invalid_choice", "Write what the call took: every number is as it is known already.")]}
        )
    kept = {name: getattr(call, name) for name in _KEPT}
    paid = {"currency": currency} if "cost" in more else {}
    correction: EngineCall = create(
        EngineCall, **kept, **more, **paid, outcome=CORRECTION, corrects_id=call.id, reason=values["reason"]
    )
    emit("engines.call_corrected", call, data={"correction_id": correction.id, **more, **paid})
    return correction


def _known(call: EngineCall) -> tuple[dict[str, int], str | None]:
    """What the rows of the call say together, and in which currency."""
    sums = [peewee.fn.COALESCE(peewee.fn.SUM(getattr(EngineCall, name)), 0).cast("bigint") for name in _NUMBERS]
    about = (EngineCall.id == call.id) | (EngineCall.corrects_id == call.id)
    row: Any = EngineCall.select(*sums, peewee.fn.MAX(EngineCall.currency)).where(about).tuples().get()
    *numbers, currency = row
    return dict(zip(_NUMBERS, numbers, strict=True)), currency


def _currency(known: str | None, given: str | None) -> str:
    if known is None and given is None:
        raise Invalid({"currency": [Problem("required", 'Write the currency, such as "EUR": no price of the call was known.')]})
    if None not in (known, given) and known != given:
        raise Invalid({"currency": [Problem("invalid_choice", f"The call was counted in {known}; write its cost in that.")]})
    return known or str(given)
