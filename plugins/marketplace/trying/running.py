"""Run a try: one run for the whole, and a child run for each example in turn, within the cost limit.

Nothing of the agent is written in the buyer's organization: each run reads it from what is published. A release that comes meanwhile ends
the try. Of the buyer's tools only those are used that read, as they are when the run begins.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

import orjson
from rapidfuzz import fuzz

from aasim_core.data import records
from aasim_core.errors import Invalid, Problem, Refused

from ...agents.resources import run_definition
from ...agents.service import payer_of
from ...engines.hookspecs import BUDGET_EXCEEDED, refuse_spent
from ...executions import service as executions
from ...executions.hookspecs import Finished, Run, RunFailed, Runner
from ...executions.models import Execution
from ...executions.service import find_tool
from .. import offers
from ..models import Offer
from ..trading import planning
from ..trading.planning import Buyer, Order
from . import limits, spending
from .spending import Most

if TYPE_CHECKING:
    from aasim_core.app import App

KIND, EXAMPLE = KINDS = ("marketplace_try", "marketplace_example")
_LONGEST_COMPARED = 20_000


def begin(app: "App", offer: Offer, order: Order, buyer: Buyer, most: Most, api_key_id: str | None) -> Execution:
    """Queue a try of the offer. Needs a transaction.

    Refused ``invalid_state`` for an offer without examples, ``too_many_tries``, Invalid for more than the settings allow, or without an
    engine to run on; or as any run may be.
    """
    if not offer.examples:
        raise Refused("invalid_state", "The seller has given no examples to try it with.", meta={"status": "no_examples"})
    bounds = spending.bounds(app, most)
    planned = planning.plan(app, offer, order, buyer)
    if lacking := [lack for lack in planned["missing"] if lack["kind"] != "tool"]:
        raise Invalid({"engine_id": [Problem("invalid_reference", lacking[0]["message"])]})
    limits.refuse_many(app, KIND, buyer.user_id)
    given = {**bounds, "engine_id": order.engine_id, "tools": planning.refs_in(planned)}
    subject = executions.Subject(offer.listing_id, offer.number, "listing")
    return executions.start(
        app, KIND, given, label=offer.title, initiator_id=buyer.user_id, subject=subject, api_key_id=api_key_id
    )


def runners(app: "App") -> Sequence[Runner]:
    """The runners of tries, and of the examples below them."""

    def check_start(execution: Execution) -> None:
        refuse_spent(app, payer_of(execution))

    kinds = {KIND: _try, EXAMPLE: _answer}
    return tuple(
        Runner(kind, run=partial(run, app), check_start=check_start, refusals=(BUDGET_EXCEEDED,)) for kind, run in kinds.items()
    )


def _try(app: "App", run: Run) -> Finished:
    offer = _offer_of(run.execution)
    for number, example in enumerate(offer.examples):
        if number and spending.is_spent(run.execution):
            break
        run.child(f"example_{number}", partial(_start, app, offer, example["input"]))()
    output = run.step("result", partial(_result, run.execution.id, offer.examples))
    return Finished(output, score=output["score"])


def _start(app: "App", offer: Offer, given: Any, parent: Execution) -> Execution:
    schema, subject = offer.document["definition"]["input_schema"], executions.Subject(offer.listing_id, offer.number, "listing")
    about = {"label": offer.title, "initiator_id": parent.initiator_id, "api_key_id": parent.api_key_id}
    try:
        return executions.start(app, EXAMPLE, given, subject=subject, input_schema=schema, parent=parent, **about)
    except Refused as refused:
        if refused.retry_after is not None:
            raise
        raise RunFailed.by(refused) from refused


def _answer(app: "App", run: Run) -> Finished:
    whole: Execution = records.find(Execution, run.execution.parent_id)
    sent, definition = whole.input, _offer_of(run.execution).document["definition"]
    bounded = spending.bounded(definition["limits"] or {}, sent, spending.spent_of(whole.id, besides=run.execution.id))
    reading = run.step("tools", partial(_reading, app, sent["tools"]))
    mine = {**planning.bound(definition, reading), "engine_id": sent["engine_id"], "limits": bounded}
    return run_definition(app, run, mine)


def _reading(app: "App", refs: Mapping[str, str]) -> dict[str, str]:
    """Those of the tools that read, and run nothing that has tools and costs of its own."""
    found = {key: find_tool(app, ref).tool for key, ref in refs.items()}
    return {key: refs[key] for key, tool in found.items() if tool is not None and tool.effect == "read" and not tool.starts_runs}


def _offer_of(execution: Execution) -> Offer:
    offer = offers.find_or_none(execution.subject_id or "")
    if offer is None or offer.number != execution.subject_version:
        raise RunFailed("listing_changed", "The listing was taken back, or has a newer release; try it again.")
    return offer


def _result(try_id: str, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What came of the examples that were run, in their order."""
    done = Execution.select().where(Execution.parent_id == try_id).order_by(Execution.id)
    runs = [_line(execution, example) for execution, example in zip(done, examples, strict=False)]
    scores = [each["score"] for each in runs if each["score"] is not None]
    costs = [each["cost"] for each in runs if each["cost"] is not None]
    tokens = [execution.input_tokens + execution.output_tokens for execution in done]
    took = sorted(each["worked_ms"] for each in runs)
    return {
        "score": round(sum(scores) / len(scores), 4) if scores else None,
        "cost_per_run": round(sum(costs) / len(costs)) if costs else None,
        "tokens_per_run": round(sum(tokens) / len(tokens)) if tokens else None,
        "p95_ms": took[ceil(0.95 * len(took)) - 1] if took else None,
        "succeeded": sum(each["status"] == "succeeded" for each in runs),
        "examples": len(examples),
        "runs": runs,
    }


def _line(execution: Execution, example: Mapping[str, Any]) -> dict[str, Any]:
    succeeded, expected = execution.status == "succeeded", example["expected"]
    score = None if expected is None else _likeness(execution.output, expected) if succeeded else 0.0
    told = {name: getattr(execution, name) for name in ("status", "cost", "currency", "worked_ms")}
    return {"execution_id": execution.id, "score": score, **told}


def _likeness(output: Any, expected: Any) -> float:
    """How much the two resemble each other as texts, from 0 to 1."""
    ours, theirs = (_text(each)[:_LONGEST_COMPARED] for each in (output, expected))
    return round(fuzz.ratio(ours, theirs) / 100, 4)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
