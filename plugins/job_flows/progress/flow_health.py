"""The health of a flow: its failures in a row, and the pause after too many."""

from collections.abc import Sequence
from typing import Any

from peewee import Case

from aasim_core.clock import now, to_text
from aasim_core.context import SYSTEM, acting_as
from aasim_core.data import records
from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind
from aasim_core.jobs.queue import enqueue

from ..models import ACTIVE, FAILING, PAUSED, JobFlow
from .deadlines import begin_anew, tell_owner

#: The job that pauses a flow that has failed too often.
PAUSE = "job_flows.pause"


def note_end(flow_id: str, *, succeeded: bool) -> None:
    """One more run of the flow has succeeded or failed; after too many failures in a row it is paused. Needs a transaction."""
    flow: JobFlow | None = records.find_or_none(JobFlow, flow_id)
    if flow is None:
        return
    met = begin_anew(flow.expect_within_seconds, flow.status, now()) if succeeded else {}
    times = {name: moment and to_text(moment) for name, moment in met.items()}
    # A concurrent end of another run is waited for, and counted.
    _counted.later(1 if succeeded else -1, tuple(times), flow_id=flow_id, **times)
    if flow.auto_pause_after is not None and not succeeded and -min(flow.streak, 0) + 1 >= flow.auto_pause_after:
        enqueue(PAUSE, {"flow_id": flow_id}, unique_key=flow_id)


@compiled(JobFlow)
def _counted(step: int, times: Sequence[str]) -> Any:
    further = JobFlow.streak > 0 if step > 0 else JobFlow.streak < 0
    changes = {"streak": Case(None, [(further, JobFlow.streak + step)], step), **{name: Bind(name) for name in times}}
    return JobFlow.update(changes).where(JobFlow.id == Bind("flow_id"))


def pause_failing(flow_id: str) -> None:
    """Pause the flow, if it is active and has failed too often in a row. Needs a transaction."""
    flow: JobFlow | None = records.find_or_none(JobFlow, flow_id)
    if flow is not None and flow.status == ACTIVE and -flow.streak >= (flow.auto_pause_after or -flow.streak + 1):
        with acting_as(SYSTEM):
            flow.write_status(PAUSED, FAILING)
            tell_owner(flow, FAILING)
