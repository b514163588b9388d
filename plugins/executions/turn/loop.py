"""The durable loop: take a queued execution, let its runner work, and write the outcome of its turn, in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from aasim_core import PluginFault
from aasim_core.clock import now
from aasim_core.data.records import database_of
from aasim_core.jobs import DEAD
from aasim_core.jobs.errors import LeaseLost

from .. import states
from ..admission.concurrency_limit import is_full
from ..hookspecs import CancelRequested, Finished, Interrupted, RunFailed, RunLater, Runner, RunPauses, RunWaits, TimedOut
from ..kernel import events
from ..kernel.commands import Reject
from ..kernel.events import Event
from ..kernel.state import RUN, Ending, Outcome, State
from ..models import Execution
from ..settings import ExecutionSettings
from ..shell.delivery import lock_waiting, wake
from ..shell.stored_run import StoredRun, Values, is_rejected, no_values
from ..shell.turn_ends import LOOK_AGAIN_SECONDS
from ..tools import effects, tracing
from .run import DurableRun
from .run_status import HaltedSince, Turn, first_turn_of, read_turn, returning_of_first_turn

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext

#: How soon to look again for a place among the running ones.
_PLACE_SECONDS = 1.0
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
_UNFORESEEN = "Something went wrong on our side; tell the operator the execution's id."
_CRASHED: Mapping[str, Any] = {
    "code": "worker_crash_loop",
    "message": "The run ended its worker three times.",
    "retryable": False,
}
#: Returned to a worker that has lost the run's turn.
_IS_OVER = Reject("lease_lost")
_log = structlog.get_logger("aasim.executions")


def _nothing() -> None:
    """There is nothing to say."""


def take_turn(app: "App", context: "JobContext", payload: Mapping[str, Any]) -> None:
    """One turn of an execution: until it ends, pauses, or is put back into the queue."""
    runners: Mapping[str, Runner] = app.offers.here("runners")
    turn = _first_turn(app, runners, context, payload) or _further_turn(app, runners, context, payload)
    if turn is None:
        return
    kind = turn.stored.record.kind
    run = DurableRun(app, context, turn, _timeout(app), _halted_since(runners.get(kind)))
    try:
        with tracing.of_run(app, run.execution):
            _conclude(run, context, lambda: _runner(app, kind).run(run))
    finally:
        run.close()


def _halted_since(runner: Runner | None) -> HaltedSince:
    return runner.halted_since if runner else None


def _first_turn(app: "App", runners: Mapping[str, Runner], context: "JobContext", payload: Mapping[str, Any]) -> Turn | None:
    """Begin an execution from its job, and read it meanwhile; None where it was begun or ended before, or must wait."""
    if (told := payload.get("begins")) is None:
        return None
    execution = Execution(id=payload["execution_id"], organization_id=context.organization_id, **told)
    job = payload.get("job", 0)
    stored = StoredRun(execution, State(execution.id, job=job), in_turn=True)
    runner = runners.get(execution.kind)
    found: list[Sequence[Any]] = []
    returning = returning_of_first_turn(_halted_since(runner), found.append)

    def claim() -> bool:
        return not is_full(app, runner, execution) and stored.try_to(events.Claimed(job), returning=returning) is not None

    return first_turn_of(app, found[-1]) if _unsynced(context, claim) else None


def _further_turn(app: "App", runners: Mapping[str, Runner], context: "JobContext", payload: Mapping[str, Any]) -> Turn | None:
    """Read the execution's state, and continue it; None where there is nothing to do, or it must wait."""
    turn = read_turn(app, payload["execution_id"])
    if turn is None:
        return None
    stored = turn.stored
    job = payload["job"] if "job" in payload else _former_job(context, stored)
    runner = runners.get(stored.record.kind)

    def claim() -> bool:
        if stored.state.status == states.QUEUED and is_full(app, runner, stored.record):
            context.hand_back(_in(_PLACE_SECONDS))
            return False
        if is_rejected(stored.apply(events.Claimed(job))):
            return False
        if stored.state.status != states.RUNNING:
            context.complete()
        return bool(stored.state.status == states.RUNNING)

    return turn if _unsynced(context, claim) else None


def _former_job(context: "JobContext", stored: StoredRun) -> int:
    """The number of a job that the release before this one enqueued: such a job has none, but the run has its id."""
    return stored.state.job if stored.record.job_id == context.job_id else -1


def _unsynced(context: "JobContext", claim: Callable[[], bool]) -> bool:
    """Without waiting for the disk: a loss of power that undoes the start leaves the execution in the queue, and its job too."""
    return bool(context.persist(lambda: database_of(Execution).attempt(claim, durable=False)))


def _in(seconds: float) -> datetime:
    return now() + timedelta(seconds=seconds)


def _runner(app: "App", kind: str) -> Runner:
    """Return the runner of the kind; `RunLater` while its plugin is disabled, or only another version knows it."""
    runner: Runner | None = app.offers.here("runners").get(kind)
    if runner is not None:
        return runner
    if (plugin := app.offers.owner_of("runners", kind)) is not None:
        raise RunLater(LOOK_AGAIN_SECONDS, f"The plugin {plugin}, which runs this, is disabled for the organization.")
    raise RunLater(LOOK_AGAIN_SECONDS, f"No plugin that is on runs executions of the kind {kind}; one of another version may.")


def _timeout(app: "App") -> float:
    return app.settings.section("executions", ExecutionSettings).timeout_seconds


def _conclude(run: DurableRun, context: "JobContext", work: Callable[[], Finished]) -> None:
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
        _fail(context, run, RunFailed("internal_error", _UNFORESEEN, retryable=True))
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
    error = _error(failure.code, failure.message, failure.retryable and not effects.has_any(run.execution))
    error |= {"meta": dict(failure.meta)} if failure.meta else {}
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
    def say() -> None:
        run.log_news(
            "delayed", "The run continues later.", level="warning", data={"seconds": later.seconds}, content=later.reason
        )

    with database_of(Execution).transaction():
        attempt = {"attempt": run.execution.attempt}
        _leave(run, events.TurnEnded(run.turn, has_more=True), values=lambda _: attempt, delay=later.seconds, say=say)
        context.complete()


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


def _error(code: str, message: str, retryable: bool) -> dict[str, Any]:
    return {"code": code, "message": message, "retryable": retryable}


def give_up(payload: Mapping[str, Any], reason: str, state: str) -> None:
    """End an execution whose job is `dead` after too many crashes, or has failed; the reason is for the operator."""
    stored = StoredRun.find(payload["execution_id"])
    if stored is None:
        return
    error = _CRASHED if state == DEAD else _error("internal_error", _UNFORESEEN, True)
    died = events.JobDied(payload.get("job", stored.state.job), error["code"])
    if not is_rejected(stored.apply(died, values=lambda after: {"error": error} if after.status == states.FAILED else {})):
        _log.error("a run was given up", execution_id=stored.record.id, reason=reason)
