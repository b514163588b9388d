"""The states of an execution, the allowed transitions between them, and the one place where a state changes."""

from collections.abc import Mapping
from typing import Any

from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.errors import Refused
from aasim_core.events.log import Subject, emit

from .models import Execution

QUEUED, RUNNING, WAITING, CANCELLING = "queued", "running", "waiting", "cancelling"
SUCCEEDED, FAILED, CANCELLED, TIMED_OUT = "succeeded", "failed", "cancelled", "timed_out"
TERMINAL = frozenset({SUCCEEDED, FAILED, CANCELLED, TIMED_OUT})
#: Somebody works on it.
AT_WORK = (RUNNING, CANCELLING)
ALL = (QUEUED, RUNNING, WAITING, CANCELLING, *sorted(TERMINAL))

TRANSITIONS: Mapping[str, frozenset[str]] = {
    QUEUED: frozenset({RUNNING, CANCELLED, FAILED, TIMED_OUT}),
    RUNNING: frozenset({QUEUED, WAITING, CANCELLING, SUCCEEDED, FAILED, CANCELLED, TIMED_OUT}),
    WAITING: frozenset({QUEUED, CANCELLED, FAILED, TIMED_OUT}),
    CANCELLING: frozenset({CANCELLED}),
}

#: The event that tells of each state; that a run goes back to the queue after a delay or a crash, and on from there, is no news.
EVENTS: Mapping[str, str] = {
    RUNNING: "executions.started",
    WAITING: "executions.paused",
    CANCELLING: "executions.cancelling",
    SUCCEEDED: "executions.succeeded",
    FAILED: "executions.failed",
    CANCELLED: "executions.cancelled",
    TIMED_OUT: "executions.timed_out",
}


def move(execution: Execution, to: str, *, readback: records.Readback | None = None, **values: Any) -> bool:
    """Change the state by compare-and-set, with further `values`, and emit its event; False when somebody else was first.

    With `readback` more of the row is read by the way. Refused ``invalid_state`` for a transition that the table does not have.
    """
    before, is_news = execution.status, to in EVENTS and not (to == RUNNING and execution.started_at)
    if to not in TRANSITIONS.get(before, ()):
        raise Refused("invalid_state", f"An execution that is {before} cannot become {to}.", meta={"status": before})
    moment = now()
    changes = {**values, "status": to, "updated_at": moment, "version": execution.version + 1}
    if to == RUNNING and execution.started_at is None:
        changes["started_at"] = moment
    if to in TERMINAL:
        changes["finished_at"] = moment
    if not records.compare_and_set(execution, {"status": before, "version": execution.version}, changes, readback):
        return False
    if is_news:
        emit(EVENTS[to], subject(execution), data=_told(execution), changes={"status": [before, to]})
    return True


def touch(execution: Execution) -> bool:
    """Say that the execution got further, if it is still running; whoever ends it meanwhile waits for the transaction to end."""
    changes = {"updated_at": now(), "version": execution.version + 1}
    return records.compare_and_set(execution, {"status": RUNNING}, changes)


def subject(execution: Execution) -> Subject:
    """The execution as the subject of events; its label names what it runs."""
    return Subject("exec", execution.id, f"{execution.kind} {execution.agent_id or execution.workflow_id or ''}".strip())


def _told(execution: Execution) -> dict[str, Any]:
    told = {"kind": execution.kind, "agent_id": execution.agent_id, "workflow_id": execution.workflow_id}
    told["cancel_reason"] = execution.cancel_reason
    if execution.status in TERMINAL:
        told |= {"input_tokens": execution.input_tokens, "output_tokens": execution.output_tokens, "cost": execution.cost}
        told["error"] = (execution.error or {}).get("code")
        told["parent_id"] = execution.parent_id
    return {key: value for key, value in told.items() if value is not None}
