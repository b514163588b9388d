"""The durable loop: take a queued execution, let its runner work, and write how its turn ended, in one transaction."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.data.records import database_of, find_or_none
from aasim_core.jobs.queue import enqueue

from . import states
from .hookspecs import Finished, Paused, RunFailed, RunLater, Runner
from .models import Execution
from .run import CancelRequested, Interrupted, Run, TimedOut
from .settings import ExecutionSettings

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext

JOB = "executions.run"
#: How soon to look again for a place among the running ones.
_PLACE_SECONDS = 1.0
_log = structlog.get_logger("aasim.executions")


def queue(execution: Execution, seconds: float = 0) -> None:
    """Put the execution's next turn into the running transaction."""
    run_at = now() + timedelta(seconds=seconds) if seconds else None
    execution.job_id = enqueue(JOB, {"execution_id": execution.id}, run_at=run_at)


def take_turn(app: "App", runners: Mapping[str, Runner], context: "JobContext", payload: Mapping[str, Any]) -> None:
    """One turn of an execution: until it ends, pauses, or is put back into the queue."""
    execution = find_or_none(Execution, payload["execution_id"])
    if execution is None or execution.status in states.TERMINAL or execution.job_id != context.job_id:
        return
    if execution.status == states.CANCELLING:
        _end(context, execution, None, states.CANCELLED)
        return
    is_new = execution.started_at is None
    if execution.status == states.QUEUED and not _start(app, runners.get(execution.kind), context, execution):
        return
    run = Run(app, context, execution, _timeout(app), is_new=is_new)
    _conclude(run, context, lambda: _runner(runners, execution.kind).run(run))


def _start(app: "App", runner: Runner | None, context: "JobContext", execution: Execution) -> bool:
    """Move to running, or back into the queue where enough run already.

    Without waiting for the disk: a loss of power that undoes it leaves the execution in the queue, and its job too.
    """
    with database_of(Execution).transaction(durable=False):
        if not _is_full(app, runner, execution):
            return states.move(execution, states.RUNNING)
        queue(execution, _PLACE_SECONDS)
        records.compare_and_set(execution, {"status": states.QUEUED}, {"job_id": execution.job_id})
        context.complete()
        return False


def _is_full(app: "App", runner: Runner | None, execution: Execution) -> bool:
    """Whether as many executions run already as the organization, or what runs, may have at the same time."""
    most = app.settings.section("executions", ExecutionSettings).concurrency
    own = runner.most_at_once(execution) if runner else None
    return bool(most and _running() >= most) or (own is not None and _running(Execution.agent_id == execution.agent_id) >= own)


def _running(*conditions: Any) -> int:
    return int(Execution.select(Execution.id).where(Execution.status == states.RUNNING, *conditions).count())


def _runner(runners: Mapping[str, Runner], kind: str) -> Runner:
    if kind not in runners:
        raise RunFailed("no_runner", f"Nothing here runs executions of the kind {kind}; its plugin may be off.")
    return runners[kind]


def _timeout(app: "App") -> float:
    return app.settings.section("executions", ExecutionSettings).timeout_seconds


def _conclude(run: Run, context: "JobContext", work: Callable[[], Finished | Paused]) -> None:
    """Do the work, and write its end: one row of this table for each way in which a turn can end."""
    try:
        outcome = work()
    except CancelRequested:
        run.log("cancelled", "The run was cancelled.")
        _end(context, run.execution, run, states.CANCELLED)
    except TimedOut:
        run.log("timed_out", "The run used up its time.", level="error")
        _end(context, run.execution, run, states.TIMED_OUT, error=_error("timed_out", "The run used up its time.", True))
    except RunFailed as failure:
        run.log("failed", failure.message, level="error", data={"code": failure.code})
        _end(context, run.execution, run, states.FAILED, error=_error(failure.code, failure.message, failure.retryable))
    except RunLater as later:
        run.log("delayed", later.reason, level="warning", data={"seconds": later.seconds})
        _put_back(context, run, later.seconds)
    except Interrupted:
        run.flush()
        context.hand_back()
    else:
        _succeed(context, run, outcome)


def _succeed(context: "JobContext", run: Run, outcome: Finished | Paused) -> None:
    if isinstance(outcome, Paused):
        run.log("paused", f"The run waits for {outcome.waiting_for}.")
        _end(context, run.execution, run, states.WAITING, waiting_for=outcome.waiting_for)
    else:
        run.log("succeeded", "The run succeeded.")
        _end(context, run.execution, run, states.SUCCEEDED, output=outcome.output)


def _end(context: "JobContext", execution: Execution, run: Run | None, to: str, **values: Any) -> None:
    """The last step, the log, the state and the job's completion in one transaction; a cancel that came first wins."""
    database = database_of(Execution)
    with database.transaction():
        if run is not None:
            run.write()
        if not states.move(execution, to, **values, **_usage(run)):
            fresh = find_or_none(Execution, execution.id)
            if fresh is not None and fresh.status == states.CANCELLING:
                states.move(fresh, states.CANCELLED, **_usage(run))
        context.complete()


def _usage(run: Run | None) -> dict[str, Any]:
    return {} if run is None else run.usage()


def _put_back(context: "JobContext", run: Run, seconds: float) -> None:
    with database_of(Execution).transaction():
        run.write()
        if states.move(run.execution, states.QUEUED, attempt=run.execution.attempt, **_usage(run)):
            queue(run.execution, seconds)
            Execution.update(job_id=run.execution.job_id).where(Execution.id == run.execution.id).execute()
        context.complete()


def _error(code: str, message: str, retryable: bool) -> dict[str, Any]:
    return {"code": code, "message": message, "retryable": retryable}


def give_up(execution_id: str, reason: str) -> None:
    """End an execution whose job died: it crashed the worker too often."""
    execution = find_or_none(Execution, execution_id)
    if execution is None or execution.status in states.TERMINAL:
        return
    if execution.status == states.CANCELLING:
        states.move(execution, states.CANCELLED)
    else:
        states.move(execution, states.FAILED, error=_error("worker_crash_loop", reason, False))
