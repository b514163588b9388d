"""Write firings: those to start are queued, and repeated outcomes without a start are counted in one row."""

from collections.abc import Sequence

from aasim_core import emit
from aasim_core.data import records
from aasim_core.jobs.queue import enqueue

from .models import BY_SCHEDULE, MISSED, PENDING, SKIPPED, Firing, JobFlow

#: The job that starts what some firings are for, and that which starts the parked ones of a flow.
FIRE, RELEASE = "job_flows.fire", "job_flows.release"
#: The event of what came for a flow and was not started.
SKIPPED_EVENT = "job_flows.skipped"
_FIRINGS_AT_ONCE = 50


def write(flow: JobFlow, firing: Firing) -> None:
    """Write a firing that came with an event or a request, and queue it, or tell why nothing starts. Needs a transaction."""
    records.insert_rows(Firing, [firing.row()])
    if firing.outcome == PENDING:
        queue([firing])
    else:
        tell_skipped(flow, firing)


def tell_skipped(flow: JobFlow, firing: Firing) -> None:
    """Emit that what came for the flow was not started. Needs a transaction."""
    # Of what is told here nothing is told again: a flow for every event would hear of itself for ever.
    if firing.origin != BY_SCHEDULE and ((firing.payload or {}).get("event") or {}).get("type") != SKIPPED_EVENT:
        emit(SKIPPED_EVENT, flow, data={"firing_id": firing.id, "origin": firing.origin, "reason": firing.reason})


def record(flow_id: str, written: Sequence[Firing]) -> list[Firing]:
    """Write the due times of a flow, in their order; returns those that are to be queued. Needs a transaction."""
    rows = list(written)
    if rows and rows[0].outcome in (SKIPPED, MISSED) and _is_counted(flow_id, rows[0]):
        rows = rows[1:]
    records.insert_rows(Firing, [firing.row() for firing in rows])
    return [firing for firing in rows if firing.outcome == PENDING]


def _is_counted(flow_id: str, one: Firing) -> bool:
    """Count what comes to nothing with the firing before it, if that has come to nothing alike."""
    mine = Firing.select().where(Firing.flow_id == flow_id, Firing.origin == one.origin)
    last: Firing | None = mine.order_by(Firing.due_at.desc(), Firing.id.desc()).first()
    if last is None or (last.outcome, last.reason) != (one.outcome, one.reason):
        return False
    changes = {"count": last.count + one.count, "last_due_at": one.last_due_at or one.due_at, "version": last.version + 1}
    return records.compare_and_set(last, {"version": last.version}, changes)


def queue(waiting: Sequence[Firing]) -> None:
    """Queue the start of firings: those that start at their due time some at a time, the others each at its own time."""
    prompt = [firing.id for firing in waiting if firing.starts_at == firing.due_at]
    for start in range(0, len(prompt), _FIRINGS_AT_ONCE):
        enqueue(FIRE, {"firing_ids": prompt[start : start + _FIRINGS_AT_ONCE]})
    for firing in waiting:
        if firing.starts_at != firing.due_at:
            enqueue(FIRE, {"firing_ids": [firing.id]}, run_at=firing.starts_at)
