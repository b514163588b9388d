"""The durable loop: take a queued execution, let its runner work, and write how its turn ended, in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.data.records import database_of, find_or_none
from aasim_core.jobs.context import LeaseLost
from aasim_core.jobs.queue import enqueue
from aasim_core.jobs.records import DEAD

from . import states
from .hookspecs import Finished, RunFailed, RunLater, Runner, RunPauses
from .models import Execution
from .run import CancelRequested, Interrupted, Run, TimedOut
from .settings import ExecutionSettings
from .standing import Standing, Turn, read_turn, turn_of, turn_readback

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext

JOB = "executions.run"
#: What the job of an execution that nobody has begun says of it: enough to begin it without looking.
_UNSTARTED = ("kind", "agent_id", "agent_version", "workflow_id", "workflow_version")
#: How soon to look again for a place among the running ones.
_PLACE_SECONDS = 1.0
_HALTED = "The organization is halted; the run goes on when it is resumed."
#: What the log ends with; of all ends but success, `ending` writes that line.
_LAST_LINES = {states.SUCCEEDED: (states.SUCCEEDED, "The run succeeded.")}
_TIMED_OUT = RunFailed("timed_out", "The run used up its time.", retryable=True)
_UNFORESEEN = "Something went wrong on our side; tell the operator the execution's id."
_CRASHED = {"code": "worker_crash_loop", "message": "The run ended its worker three times.", "retryable": False}
_log = structlog.get_logger("aasim.executions")


def queue(execution: Execution, seconds: float = 0) -> None:
    """Put the execution's next turn into the running transaction."""
    run_at = now() + timedelta(seconds=seconds) if seconds else None
    unstarted = None if execution.started_at else {name: getattr(execution, name) for name in _UNSTARTED}
    execution.job_id = enqueue(JOB, {"execution_id": execution.id, "unstarted": unstarted}, run_at=run_at)


def take_turn(app: "App", context: "JobContext", payload: Mapping[str, Any]) -> None:
    """One turn of an execution: until it ends, pauses, or is put back into the queue."""
    runners: Mapping[str, Runner] = app.offers("runners")
    first = _first_turn(app, runners, context, payload)
    turn = first or _further_turn(app, runners, context, payload["execution_id"])
    if turn is None:
        return
    execution = turn.execution
    known = Standing(states.RUNNING, turn.halted_at) if first else None
    run = Run(app, context, execution, _timeout(app), turn.settled, known)
    _conclude(run, context, lambda: _runner(runners, execution.kind).run(run))


def _first_turn(app: "App", runners: Mapping[str, Runner], context: "JobContext", payload: Mapping[str, Any]) -> Turn | None:
    """Begin an execution as its job tells of it, and read it by the way; None where it was begun or ended before, or has to wait."""
    if (told := payload.get("unstarted")) is None:
        return None
    execution = Execution(id=payload["execution_id"], organization_id=context.organization_id, **told)
    rows: list[Sequence[Any]] = []
    is_full = partial(_is_full, app, runners.get(execution.kind), execution)
    move = partial(states.move, execution, states.RUNNING, readback=turn_readback(rows.append))
    return turn_of(app, rows[-1]) if _unsynced(lambda: not is_full() and move()) else None


def _further_turn(app: "App", runners: Mapping[str, Runner], context: "JobContext", execution_id: str) -> Turn | None:
    """Look how it stands with an execution, and go on with it; None where there is nothing to go on with, or it has to wait."""
    turn = read_turn(app, execution_id)
    if turn is None or turn.execution.status in states.TERMINAL or turn.execution.job_id != context.job_id:
        return None
    execution = turn.execution
    if execution.status == states.CANCELLING:
        _cancel(context, execution)
        return None
    is_ready = execution.status != states.QUEUED or _start(app, runners.get(execution.kind), context, execution)
    return turn if is_ready else None


def _cancel(context: "JobContext", execution: Execution) -> None:
    with database_of(Execution).transaction():
        states.move(execution, states.CANCELLED)
        context.complete()


def _start(app: "App", runner: Runner | None, context: "JobContext", execution: Execution) -> bool:
    """Move to running, or back into the queue where enough run already."""

    def start() -> bool:
        if not _is_full(app, runner, execution):
            return states.move(execution, states.RUNNING)
        queue(execution, _PLACE_SECONDS)
        records.compare_and_set(execution, {"status": states.QUEUED}, {"job_id": execution.job_id})
        context.complete()
        return False

    return _unsynced(start)


def _unsynced(start: Callable[[], bool]) -> bool:
    """Without waiting for the disk: a loss of power that undoes the start leaves the execution in the queue, and its job too."""
    return database_of(Execution).attempt(start, durable=False)


def _is_full(app: "App", runner: Runner | None, execution: Execution) -> bool:
    """Whether as many executions run already as the organization, or what runs, may have at the same time.

    Who counts holds a lock until the execution's new state is committed, or two would take the last place. Where nothing is limited,
    nothing is locked or counted.
    """
    most = app.settings.section("executions", ExecutionSettings).concurrency
    own = runner.most_at_once(execution) if runner else None
    if not most and own is None:
        return False
    database_of(Execution).lock(f"executions/{execution.organization_id}")
    return bool(most and _running() >= most) or (own is not None and _running(Execution.agent_id == execution.agent_id) >= own)


def _running(*conditions: Any) -> int:
    """How many run, with those that were asked to end and are still about it."""
    return int(Execution.select(Execution.id).where(Execution.status.in_(states.AT_WORK), *conditions).count())


def _runner(runners: Mapping[str, Runner], kind: str) -> Runner:
    if kind not in runners:
        raise RunFailed("no_runner", f"Nothing here runs executions of the kind {kind}; its plugin may be off.")
    return runners[kind]


def _timeout(app: "App") -> float:
    return app.settings.section("executions", ExecutionSettings).timeout_seconds


def _conclude(run: Run, context: "JobContext", work: Callable[[], Finished]) -> None:
    """Do the work, and write its end."""
    try:
        finished = work()
    except tuple(_ENDS) as end:
        try:
            _ENDS[type(end)](context, run, end)
        except CancelRequested as cancel:  # which came first, while the turn was to end in another way
            _ENDS[CancelRequested](context, run, cancel)
    except LeaseLost:
        raise
    except Exception:
        if not context.is_last_attempt:
            raise
        _log.exception("a run failed in a way that nobody foresaw", execution_id=run.execution.id)
        _fail(context, run, RunFailed("internal_error", _UNFORESEEN, retryable=True))
    else:
        _end(context, run, states.SUCCEEDED, **vars(finished))


def _interrupt(context: "JobContext", run: Run, _: Interrupted) -> None:
    """Hand the job back, from the last finished step; in an organization that is halted, the run goes back to the queue visibly."""
    with database_of(Execution).transaction():
        if not run.app.pulse.of(run.execution.organization_id).is_halted:
            run.flush()
            context.hand_back()
        elif states.move(run.execution, states.QUEUED, **run.usage()):
            run.log_news("halted", _HALTED)
            run.write()
            context.hand_back()
        else:
            _end_cancelled(run)
            context.complete()


def _fail(context: "JobContext", run: Run, failure: RunFailed, to: str = states.FAILED) -> None:
    error = _error(failure.code, failure.message, failure.retryable)
    error |= {"meta": dict(failure.meta)} if failure.meta else {}
    _end(context, run, to, error=error)


def _wait(context: "JobContext", run: Run, pause: RunPauses) -> None:
    """Let the run wait, unless what it waits for came while it was about to; a cancel that came first wins."""
    with database_of(Execution).transaction():
        lock_waiting(run.execution.id)
        if states.move(run.execution, states.WAITING, waiting_for=pause.waiting_for, **run.usage()):
            run.log("paused", f"The run waits for {pause.waiting_for}.")
            run.write()
            pause.enter()
            if pause.is_over():
                go_on(run.execution)
        else:
            _end_cancelled(run)
        context.complete()


def lock_waiting(execution_id: str) -> None:
    """Let nobody else make the execution wait, or resume it, until the running transaction ends; otherwise both could miss the other."""
    database_of(Execution).lock(f"executions/waiting/{execution_id}")


def go_on(execution: Execution) -> bool:
    """Put an execution that waits back into the queue; False when somebody else was first."""
    queue(execution)
    return states.move(execution, states.QUEUED, waiting_for=None, job_id=execution.job_id)


def _end(context: "JobContext", run: Run, to: str, **values: Any) -> None:
    """The last step, the log, the state with `values`, and the job's completion in one transaction; a cancel that came first wins."""

    def end() -> None:
        if states.move(run.execution, to, **values, **run.usage()):
            run.write(last=_LAST_LINES.get(to))
        else:
            _end_cancelled(run)
        context.complete()

    database_of(Execution).attempt(end)


def _end_cancelled(run: Run) -> None:
    """End an execution that somebody cancelled meanwhile; of one that is over already nothing more is recorded."""
    fresh = find_or_none(Execution, run.execution.id)
    if fresh is not None and fresh.status == states.CANCELLING and states.move(fresh, states.CANCELLED, **run.usage()):
        run.write()


def _put_back(context: "JobContext", run: Run, later: RunLater) -> None:
    with database_of(Execution).transaction():
        if states.move(run.execution, states.QUEUED, attempt=run.execution.attempt, **run.usage()):
            line: Any = {"level": "warning", "data": {"seconds": later.seconds}, "content": later.reason}
            run.log_news("delayed", "The run goes on later.", **line)
            run.write()
            queue(run.execution, later.seconds)
            Execution.update(job_id=run.execution.job_id).where(Execution.id == run.execution.id).execute()
        else:
            _end_cancelled(run)
        context.complete()


#: What becomes of a run whose turn ends in one of these.
_ENDS: Mapping[type[Exception], Callable[..., None]] = {
    CancelRequested: lambda context, run, _: _end(context, run, states.CANCELLED),
    TimedOut: lambda context, run, _: _fail(context, run, _TIMED_OUT, states.TIMED_OUT),
    RunFailed: _fail,
    RunPauses: _wait,
    RunLater: _put_back,
    Interrupted: _interrupt,
}


def _error(code: str, message: str, retryable: bool) -> dict[str, Any]:
    return {"code": code, "message": message, "retryable": retryable}


def give_up(execution_id: str, reason: str, state: str) -> None:
    """End an execution whose job is `dead`, since it crashed the worker too often, or has failed; the reason is the operator's."""
    execution = find_or_none(Execution, execution_id)
    if execution is None or execution.status in states.TERMINAL:
        return
    _log.error("a run was given up", execution_id=execution_id, reason=reason)
    if execution.status == states.CANCELLING:
        states.move(execution, states.CANCELLED)
    else:
        states.move(execution, states.FAILED, error=_CRASHED if state == DEAD else _error("internal_error", _UNFORESEEN, True))
