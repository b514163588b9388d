"""Pausing, resuming and signalling executions."""

from typing import Any

from aasim_core.error_codes import ErrorCode
from aasim_core.errors import Refused
from aasim_core.events.log import emit
from aasim_core.ids import new_id

from . import states
from .kernel import events
from .models import Execution
from .shell import arrivals
from .shell.stored_run import StoredRun, is_rejected
from .shell.waits import signal_of

#: Maximum number of stored signals of a run.
MOST_SIGNALS = 1_000
TOO_MANY_SIGNALS = ErrorCode(
    "too_many_signals",
    429,
    "the execution has not asked for the last thousand signals that it was sent",
    "wait for `Retry-After`, and see what the execution waits for",
    example=f"{MOST_SIGNALS} signals wait for the execution to ask for them.",
)


def pause(execution: Execution) -> Execution:
    """Let the execution start nothing until it is resumed; a running step comes to its end first. Its deadline stays.

    Refused ``invalid_state`` for one that has ended, or is about to.
    """
    return _changed(execution, events.Pause(), "paused")


def unpause(execution: Execution) -> Execution:
    """Resume a paused execution; others are unchanged. Refused ``invalid_state`` for an ended one."""
    return _changed(execution, events.Resume(), "resumed")


def _changed(execution: Execution, event: events.Event, what: str) -> Execution:
    run = StoredRun.of(execution)
    if is_rejected(run.apply(event)):
        message = f"An execution that is {run.record.status} cannot be {what}."
        raise Refused("invalid_state", message, meta={"status": run.record.status})
    return run.record


def signal(execution: Execution, name: str, *, correlation: str = "", data: Any = None, key: str | None = None) -> bool:
    """Send the execution a signal that it waits for, or will wait for; False where that `key` was sent before.

    Refused ``invalid_state`` for one that has ended, ``too_many_signals`` where it has not heard the last thousand.
    """
    if execution.status in states.TERMINAL:
        message = f"An execution that is {execution.status} hears no signals."
        raise Refused("invalid_state", message, meta={"status": execution.status})
    if arrivals.untaken(execution.id, MOST_SIGNALS) >= MOST_SIGNALS:
        raise Refused(TOO_MANY_SIGNALS, f"{MOST_SIGNALS} signals wait for the execution to ask for them.", retry_after=5)
    name_of = signal_of(name, correlation)
    if not arrivals.send(execution.id, "signal", name_of, key=f"signal:{key or new_id('signal')}", data=data):
        return False
    emit("executions.signalled", states.subject(execution), data={"name": name, "correlation": correlation})
    return True
