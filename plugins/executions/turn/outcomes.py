"""The end of a turn: the run ends, waits, or continues later; each is written in one transaction with the completion of the job."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import structlog

from aasim_core import PluginFault
from aasim_core.data.records import database_of
from aasim_core.jobs.errors import LeaseLost

from .. import states
from ..hookspecs import CancelRequested, Finished, Interrupted, RunFailed, RunLater, RunPauses, RunWaits, TimedOut
from ..kernel import events
from ..kernel.commands import Reject
from ..kernel.events import Event
from ..kernel.state import RUN, Ending, Outcome, State, Wait
from ..models import Execution
from ..shell.delivery import lock_waiting, wake
from ..shell.rows import present
from ..shell.stored_run import Values, no_values
from ..tools import effects
from .run import DurableRun

if TYPE_CHECKING:
    from aasim_core.jobs.context import JobContext

_PAUSED = "Somebody paused the run; it continues when it is resumed."
_HALTED = "The organization is halted; the run continues when it is resumed."
#: What a run waits for, in its log.
_AWAITED = {
    "approval": "an approval", "time": "a time", "execution": "another execution", "event": "an event", "signal": "a signal",
    "input": "an input", "admission": "a place", "missing": "something that is missing",
}  # fmt: skip
#: What the log ends with; of all ends but success, `ending` writes that line.
_LAST_LINES = {states.SUCCEEDED: (states.SUCCEEDED, "The run succeeded.")}
_TIMED_OUT = RunFailed("timed_out", "The run used up its time.", retryable=True)
#: The message of an error that nobody foresaw.
UNFORESEEN = "Something went wrong on our side; tell the operator the execution's id."
#: How a run rests until it looks again: what happens to it, after how many seconds its next turn is queued, and its line in the log.
_Rest = tuple[Sequence[Event], float, Callable[[], None]]
#: Returned to a worker that has lost the run's turn.
_IS_OVER = Reject("lease_lost")
_log = structlog.get_logger("aasim.executions")


def _nothing() -> None:
    """There is nothing to say."""


def conclude(run: DurableRun, context: "JobContext", work: Callable[[], Finished]) -> None:
    """Do the work, and write its end."""
    try:
        finished = work()
    except tuple(_ENDS) as end:
        try:
            _write_end(context, run, end)
        except CancelRequested as cancel:  # which came first, while the turn was to end in another way
            _write_end(context, run, cancel)
        except PluginFault as fault:  # the transaction of the pause is undone, and what it changed of the record
            run.stored.reload()
            _write_end(context, run, RunFailed.by(fault))
    except PluginFault as fault:
        _write_end(context, run, RunFailed.by(fault))
    except LeaseLost:
        raise
    except Exception:
        if not context.is_last_attempt:
            raise
        _log.exception("a run failed in a way that nobody foresaw", execution_id=run.execution.id)
        _fail(context, run, RunFailed("internal_error", UNFORESEEN, retryable=True))
    else:
        context.persist(lambda: _end(context, run, Outcome("succeeded"), vars(finished)))


def _write_end(context: "JobContext", run: DurableRun, end: Exception) -> None:
    context.persist(lambda: _ENDS[type(end)](context, run, end))


def _interrupt(context: "JobContext", run: DurableRun, _: Interrupted) -> None:
    """Hand the job back, from the last finished step; a paused run, or one of a halted organization, moves to that state."""
    with database_of(Execution).transaction():
        run.stored.reload()
        is_halted = run.app.organization_states.of(run.execution.organization_id).is_halted
        if run.stored.state.status == states.RUNNING and not (run.stored.state.is_paused or is_halted):
            run.flush()
            context.hand_back()
            return
        _leave(run, events.TurnEnded(run.turn, has_more=True), say=lambda: _say_why(run, is_halted=is_halted))
        context.complete()


def _say_why(run: DurableRun, *, is_halted: bool = False) -> None:
    """Log why the run does not continue for now."""
    if is_halted:
        run.log_news("halted", _HALTED)
    elif run.execution.status == states.PAUSED:
        run.log_news("paused", _PAUSED)
    elif run.execution.waiting_for is not None:
        run.log("waiting", f"The run waits for {_AWAITED[run.execution.waiting_for]}.")


def _fail(context: "JobContext", run: DurableRun, failure: RunFailed, ending: Ending = "failed") -> None:
    """A new run starts from the beginning, so that one that has done something is not `retryable`."""
    error = error_of(failure.code, failure.message, failure.retryable and not effects.has_any(run.execution))
    where = {"path": run.address.path} if run.address.path else {}
    error |= {"meta": meta} if (meta := where | dict(failure.meta or {})) else {}
    _end(context, run, Outcome(ending), {"error": error})


def _wait(context: "JobContext", run: DurableRun, pause: RunPauses) -> None:
    """Let the run wait, unless what it waits for came while it was about to; a cancel that came first wins."""
    with database_of(Execution).transaction():
        lock_waiting(run.execution.id)
        waits = events.WaitRegistered(run.turn, RUN, pause.wait)
        _leave(run, waits, events.TurnEnded(run.turn), say=lambda: _say_why(run))
        if run.stored.state.status not in states.TERMINAL:
            pause.enter()
            if pause.is_over():
                wake(run.stored)
        context.complete()


def _suspend(context: "JobContext", run: DurableRun, _: RunWaits) -> None:
    def suspend() -> None:
        _leave(run, events.TurnEnded(run.turn), say=lambda: _say_why(run))
        context.complete()

    database_of(Execution).attempt(suspend)


def _end(context: "JobContext", run: DurableRun, outcome: Outcome, values: Mapping[str, Any]) -> None:
    """The end of the run and the job's completion in one transaction; a cancel that came first wins."""

    def end() -> None:
        _leave(run, events.RunEnded(run.turn, outcome), values=lambda after: values if after.status == outcome.status else {})
        context.complete()

    database_of(Execution).attempt(end)


def _leave(
    run: DurableRun, *happened: Event, values: Values = no_values, delay: float = 0, say: Callable[[], None] = _nothing
) -> None:
    """End the turn: with the state, write the last step, the log, the usage, and the line to `say` unless the run is over.

    A run that ended prematurely keeps its partial answer. Of a run that was over already only the usage is still recorded.
    """

    def kept(after: State) -> Mapping[str, Any]:
        partial = run.partial() if after.status in states.TERMINAL else {}
        return {**partial, **values(after), **run.usage()}

    if _IS_OVER in run.stored.apply(*happened, values=kept, delay=delay):
        states.write(run.stored.record, {**run.partial(), **run.usage()})
        return
    status = run.stored.state.status
    if status not in states.TERMINAL:
        say()
    run.write(last=_LAST_LINES.get(status))


def _put_back(context: "JobContext", run: DurableRun, later: RunLater) -> None:
    """Queue the run's next turn for later; meanwhile, one that something is missing for is blocked."""
    happened, delay, say = _blocked(run, later) if later.missing else _delayed(run, later)
    with database_of(Execution).transaction():
        attempt = {"attempt": run.execution.attempt}
        _leave(run, *happened, values=lambda _: attempt, delay=delay, say=say)
        context.complete()


def _delayed(run: DurableRun, later: RunLater) -> _Rest:
    def say() -> None:
        facts = {"seconds": later.seconds}
        run.log_news("delayed", "The run continues later.", level="warning", data=facts, content=later.reason)

    return (events.TurnEnded(run.turn, has_more=True),), later.seconds, say


def _blocked(run: DurableRun, later: RunLater) -> _Rest:
    def say() -> None:
        facts = {"missing": later.missing, "seconds": later.seconds}
        if run.log_news("blocked", f"The run needs {later.missing}.", level="warning", data=facts, content=later.reason):
            states.blocked(run.execution, later.missing or "")

    looks_again = Wait("missing", later.missing or "", deadline=present() + round(later.seconds * 1000))
    return (events.WaitRegistered(run.turn, RUN, looks_again), events.TurnEnded(run.turn)), 0, say


#: The handlers of the exceptions that end a turn.
_ENDS: Mapping[type[Exception], Callable[..., None]] = {
    CancelRequested: lambda context, run, _: _end(context, run, Outcome("cancelled"), {}),
    TimedOut: lambda context, run, _: _fail(context, run, _TIMED_OUT, "timed_out"),
    RunFailed: _fail,
    RunPauses: _wait,
    RunWaits: _suspend,
    RunLater: _put_back,
    Interrupted: _interrupt,
}


def error_of(code: str, message: str, retryable: bool) -> dict[str, Any]:
    """The error of a run that failed, as answers show it."""
    return {"code": code, "message": message, "retryable": retryable}
