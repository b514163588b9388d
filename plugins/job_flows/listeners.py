"""Listeners for the end of runs that job flows have started."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind
from aasim_core.events.records import EventRow
from aasim_core.jobs.queue import enqueue
from aasim_core.tenancy.organization_state import cached

from .backfills.running import enqueue_again
from .firings.overlapping import OVERLAP, is_endless
from .models import PARKED, WAITING, WITH_RUN, Firing, JobFlow
from .progress.flow_health import note_end
from .recording import RELEASE

if TYPE_CHECKING:
    from aasim_core.app import App


#: How runs end.
ENDS = ("succeeded", "failed", "timed_out", "cancelled")


def note_run(app: "App") -> Callable[[EventRow], None]:
    """Return the listener that counts an ended run in the transaction of its end, and continues a backfill or a queue.

    A cancelled run is neither a success nor a failure.
    """
    has_flows = cached(app.organization_states, lambda: JobFlow.select().exists())

    def note(event: EventRow) -> None:
        firing = _firing_of.one(execution_id=event.subject_id) if has_flows() else None
        if firing is None:
            return
        flow_id, backfill_id, overlap = firing
        if event.name != "executions.cancelled":
            note_end(flow_id, succeeded=event.name == "executions.succeeded")
        if backfill_id is not None:
            enqueue_again(backfill_id)
        if is_endless(orjson.loads(overlap)) and _parked_of.one(flow_id=flow_id) is not None:
            enqueue(RELEASE, {"flow_id": flow_id}, unique_key=flow_id)

    return note


@compiled(Firing)
def _firing_of() -> Any:
    flows = Firing.select(Firing.flow_id, Firing.backfill_id, JobFlow.overlap).join(JobFlow, on=(JobFlow.id == Firing.flow_id))
    return flows.where(WITH_RUN, Firing.execution_id == Bind("execution_id"))


@compiled(Firing)
def _parked_of() -> Any:
    mine = Firing.select(Firing.id).where(WAITING, Firing.flow_id == Bind("flow_id"))
    return mine.where(Firing.outcome == PARKED, Firing.reason == OVERLAP).limit(1)
