"""Start again what came with events and requests, and was skipped or refused."""

from collections.abc import Mapping, Sequence
from typing import Any

from aasim_core import emit
from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.errors import Refused

from ..models import ACTIVE, BRING_INPUT, PARKED, PENDING, REFUSED, SKIPPED, STARTED, Firing, JobFlow
from ..recording import queue

#: How many firings one request starts.
MOST_AT_ONCE = 1_000
_WHY_NOT: Mapping[str, str] = {
    **dict.fromkeys((PENDING, PARKED), "It waits to start already."),
    STARTED: "It was started; POST /executions/{execution_id}/retry repeats a run that failed.",
}


def start(flow: JobFlow, firing: Firing) -> None:
    """Queue the firing again, with what came then. Needs a transaction.

    Refused ``invalid_state`` for one that has started or waits, for a due time, and while the flow is not active.
    """
    _refuse_inactive(flow)
    why = _WHY_NOT.get(firing.outcome)
    if firing.origin not in BRING_INPUT:
        why = "It is a due time; POST /job-flows/{flow_id}/backfill starts those."
    if why is not None:
        raise Refused("invalid_state", why, meta={"outcome": firing.outcome})
    if not _queue_again(flow, [firing]):
        raise Refused("conflict", "Somebody else is starting it; read it again.")


def start_many(flow: JobFlow, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Queue the oldest firings that are `wanted`, by outcome, reason and time; returns how many, and whether there are more.

    Needs a transaction. Refused ``invalid_state`` while the flow is not active, except for a `dry_run`.
    """
    dry_run = wanted["dry_run"]
    if not dry_run:
        _refuse_inactive(flow)
    mine = Firing.select().where(Firing.flow_id == flow.id, Firing.origin.in_(BRING_INPUT))
    mine = mine.where(Firing.outcome.in_([wanted["outcome"]] if wanted.get("outcome") else [SKIPPED, REFUSED]))
    if wanted.get("reason"):
        mine = mine.where(Firing.reason == wanted["reason"])
    if wanted.get("since_at"):
        mine = mine.where(Firing.due_at >= wanted["since_at"])
    if wanted.get("until_at"):
        mine = mine.where(Firing.due_at < wanted["until_at"])
    found = list(mine.order_by(Firing.due_at, Firing.id).limit(MOST_AT_ONCE + 1))
    count = len(found[:MOST_AT_ONCE]) if dry_run else _queue_again(flow, found[:MOST_AT_ONCE])
    return {"count": count, "has_more": len(found) > MOST_AT_ONCE}


def _refuse_inactive(flow: JobFlow) -> None:
    if flow.status != ACTIVE:
        message = f"The job flow is {flow.status}; set its status to active first."
        raise Refused("invalid_state", message, meta={"status": flow.status})


def _queue_again(flow: JobFlow, firings: Sequence[Firing]) -> int:
    again = {"outcome": PENDING, "reason": None, "explanation": None}
    changed = [
        firing
        for firing in firings
        if records.compare_and_set(
            firing, {"version": firing.version}, {**again, "version": firing.version + 1, "updated_at": now()}
        )
    ]
    queue(changed)
    if changed:
        only = changed[0].id if len(changed) == 1 else None
        emit("job_flows.start_requested", flow, data={"count": len(changed), "firing_id": only})
    return len(changed)
