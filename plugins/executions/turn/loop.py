"""The durable loop: take a queued execution, let its runner work, and write the outcome of its turn, in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from aasim_core.clock import now
from aasim_core.data.records import database_of
from aasim_core.jobs import DEAD
from aasim_core.text.json import to_json

from .. import states
from ..admission.concurrency_limit import is_full
from ..hookspecs import Finished, RunLater, Runner
from ..kernel import events
from ..kernel.state import State
from ..models import Execution
from ..settings import ExecutionSettings
from ..shell.stored_run import StoredRun, is_rejected
from ..shell.turn_ends import LOOK_AGAIN_SECONDS
from ..tools import tracing
from .outcomes import UNFORESEEN, conclude, error_of
from .run import DurableRun
from .run_status import HaltedSince, Turn, first_turn_of, read_turn, returning_of_first_turn

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext

#: How soon to look again for a place among the running ones.
_PLACE_SECONDS = 1.0
_CRASHED: Mapping[str, Any] = {
    "code": "worker_crash_loop",
    "message": "The run ended its worker three times.",
    "retryable": False,
}
_log = structlog.get_logger("aasim.executions")


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
            conclude(run, context, lambda: _finished(app, run))
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


def _finished(app: "App", run: DurableRun) -> Finished:
    """Let the runner do its work; an output that is no JSON value is a fault of its plugin."""
    runner = _runner(app, run.execution)
    finished = runner.run(run)
    with app.offers.containing("runners", runner.kind):
        to_json(finished.output)
    return finished


def _runner(app: "App", execution: Execution) -> Runner:
    """Return the runner of its kind; `RunLater` while its plugin is disabled, or only another version knows the kind."""
    runner: Runner | None = app.offers.here("runners").get(execution.kind)
    if runner is not None:
        return runner
    if (plugin := _disabled(app, execution)) is not None:
        raise RunLater(LOOK_AGAIN_SECONDS, f"The plugin {plugin}, which runs this, is not on.", missing=f"plugin:{plugin}")
    reason = f"No plugin that is on runs executions of the kind {execution.kind}; one of another version may."
    raise RunLater(LOOK_AGAIN_SECONDS, reason, missing=f"runner:{execution.kind}")


def _disabled(app: "App", execution: Execution) -> str | None:
    """The plugin that runs it, where that is disabled for the organization or the deployment, or is not there."""
    if (plugin := app.offers.owner_of("runners", execution.kind)) is not None:
        return plugin
    return execution.plugin if execution.plugin and not app.plugins.is_on(execution.plugin) else None


def _timeout(app: "App") -> float:
    return app.settings.section("executions", ExecutionSettings).timeout_seconds


def give_up(payload: Mapping[str, Any], reason: str, state: str) -> None:
    """End an execution whose job is `dead` after too many crashes, or has failed; the reason is for the operator."""
    stored = StoredRun.find(payload["execution_id"])
    if stored is None:
        return
    error = _CRASHED if state == DEAD else error_of("internal_error", UNFORESEEN, True)
    died = events.JobDied(payload.get("job", stored.state.job), error["code"])
    if not is_rejected(stored.apply(died, values=lambda after: {"error": error} if after.status == states.FAILED else {})):
        _log.error("a run was given up", execution_id=stored.record.id, reason=reason)
