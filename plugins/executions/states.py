"""The states of an execution, their events, and an execution's data in events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog

from aasim_core.clock import now
from aasim_core.context import Actor
from aasim_core.data import records
from aasim_core.data.records import database_of
from aasim_core.events.log import Subject, emit

from .models import SHOWN, Execution
from .starting.origins import chain_of

QUEUED, RUNNING, WAITING, BLOCKED, PAUSED, CANCELLING = "queued", "running", "waiting", "blocked", "paused", "cancelling"
SUCCEEDED, FAILED, CANCELLED, TIMED_OUT = "succeeded", "failed", "cancelled", "timed_out"
TERMINAL = frozenset({SUCCEEDED, FAILED, CANCELLED, TIMED_OUT})
#: Somebody works on it.
AT_WORK = (RUNNING, CANCELLING)
ALL = (QUEUED, RUNNING, WAITING, BLOCKED, PAUSED, CANCELLING, *sorted(TERMINAL))

#: The event of each state; returning to the queue after a delay or crash, and leaving it again, emits none. A blocked run looks again
#: and again, so that `blocked` says it once.
EVENTS: Mapping[str, str] = {
    RUNNING: "executions.started",
    WAITING: "executions.waiting",
    PAUSED: "executions.paused",
    CANCELLING: "executions.cancelling",
    SUCCEEDED: "executions.succeeded",
    FAILED: "executions.failed",
    CANCELLED: "executions.cancelled",
    TIMED_OUT: "executions.timed_out",
}

#: Default reasons for the end of a run.
_ERRORS: Mapping[str, Mapping[str, Any]] = {
    TIMED_OUT: {"code": "timed_out", "message": "The run came to its deadline.", "retryable": True},
    FAILED: {"code": "wait_failed", "message": "Something that the run waited for has failed.", "retryable": False},
}

_log = structlog.get_logger("aasim.executions")


def write(execution: Execution, changes: Mapping[str, Any], returning: records.Returning | None = None) -> bool:
    """Write the changes if the execution was not changed since it was read, and emit the event of a new state; otherwise return False.

    With `returning` more of the row is read along.
    """
    before, to = execution.status, changes.get("status", execution.status)
    moment, is_first = now(), to == RUNNING and execution.started_at is None
    values = {**changes, **_ending(changes, to, moment), "updated_at": moment, "version": execution.version + 1}
    if is_first:
        values["started_at"] = moment
    if not records.compare_and_set(execution, {"status": before, "version": execution.version}, values, returning):
        return False
    if to != before and (name := _news(before, to, is_first=is_first)) is not None:
        emit(name, subject(execution), data=told(execution), changes={"status": [before, to]})
    if to in TERMINAL and before not in TERMINAL:
        database_of(Execution).current_transaction().after_commit.append(lambda: _log_end(execution, moment))
    return True


def _ending(changes: Mapping[str, Any], to: str, moment: datetime) -> dict[str, Any]:
    """What else is written of a run that ends."""
    if "status" not in changes or to not in TERMINAL:
        return {}
    error = changes.get("error") or _ERRORS.get(to)
    code = error["code"] if error else CANCELLED if to == CANCELLED else None
    return {"finished_at": moment, **({"error": error} if error else {}), **({"error_code": code} if code else {})}


def _news(before: str, to: str, *, is_first: bool) -> str | None:
    """Return the event of the change, if any."""
    if before == PAUSED and to not in TERMINAL:
        return "executions.resumed"
    return None if to == RUNNING and not is_first else EVENTS.get(to)


def _log_end(execution: Execution, moment: datetime) -> None:
    """Log one line per run in the process's log: its organization, its result, and the time since it was requested."""
    _log.info(
        "a run ended",
        execution_id=execution.id,
        organization_id=execution.organization_id,
        principal=execution.initiator_id,
        chain=" ".join(chain_of(execution)),
        state=execution.status,
        code=(execution.error or {}).get("code"),
        seconds=max(0.0, round((moment - execution.created_at).total_seconds(), 3)) if execution.created_at else None,
    )


def initiator_of(execution: Execution) -> Actor:
    """Who started the execution, as the actor of what happens to it."""
    initiator_id = execution.api_key_id or execution.initiator_id
    kind = "api_key" if execution.api_key_id else "user"
    return Actor(kind, initiator_id, execution.initiator_label or initiator_id or "")


def subject(execution: Execution) -> Subject:
    """The execution as the subject of events; its label names what it runs."""
    label = execution.label or f"{execution.kind} {execution.subject_id or ''}".strip()
    return Subject("execution", execution.id, label)


def blocked(execution: Execution, missing: str) -> None:
    """Emit the event that the execution cannot continue without what is missing."""
    emit("executions.blocked", subject(execution), data=told(execution) | {"missing": missing})


def told(execution: Execution) -> dict[str, Any]:
    """The data of events about the execution as it is now."""
    told: dict[str, Any] = {"kind": execution.kind, **{f"{type_}_id": execution.subject_of(type_) for type_ in SHOWN}}
    told["cancel_reason"] = execution.cancel_reason
    if execution.status in TERMINAL:
        told |= on_behalf_of(execution)
        told |= {"input_tokens": execution.input_tokens, "output_tokens": execution.output_tokens, "cost": execution.cost}
        told["currency"] = execution.currency
        told["error"] = (execution.error or {}).get("code")
        told["parent_id"] = execution.parent_id
    return {key: value for key, value in told.items() if value is not None}


def on_behalf_of(execution: Execution) -> dict[str, Any]:
    """The data of the events with which an execution begins and ends, besides."""
    return {"chain": chain_of(execution)} | ({"labels": execution.labels} if execution.labels else {})
