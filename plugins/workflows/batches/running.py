"""Run a batch, some runs per transaction, together with their results, so that it continues after a crash."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from peewee import fn

from aasim_core import emit
from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.data.records import database_of, find_or_none
from aasim_core.errors import Refused
from aasim_core.identity.on_behalf_of import principal_now

from ...executions.models import Execution
from ..models import CANNOT, DONE, FAILED, MIGRATE, RERUN_MANY, RUNNING, STAYS, UNDECIDED, Batch, BatchRun, Workflow
from .migrating import Migrating
from .rerunning import Rerunning
from .verdicts import Verdict, Work, counted, refused_as

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext
    from aasim_core.tenancy.principal import Principal

#: The job that does a batch.
BATCH = "workflows.batch"
#: How many runs a batch can have, by its kind.
MOST_RUNS: Mapping[str, int] = {MIGRATE: 10_000, RERUN_MANY: 1_000}
_AT_ONCE = 100
_WORKS: Mapping[str, Callable[..., Work]] = {MIGRATE: Migrating, RERUN_MANY: Rerunning}
_GONE = Verdict(STAYS, "over", explanation="It is not there any more.")
_NOBODY = Verdict(CANNOT, "permission_denied", explanation="Its creator may no longer act in the organization.")


def work_of(app: "App", kind: str, workflow: Workflow, asked: Mapping[str, Any], principal: "Principal") -> Work:
    """What such a batch does for the principal."""
    return _WORKS[kind](app, workflow, asked, principal)


def go_on(app: "App", context: "JobContext", batch_id: str) -> None:
    """Run the rest of a batch; reschedule it if the worker stops, or nothing can be started now."""
    batch: Batch | None = find_or_none(Batch, batch_id)
    workflow = find_or_none(Workflow, batch.workflow_id) if batch else None
    if batch is None or workflow is None or batch.status != RUNNING:
        return
    principal = principal_now(batch.created_by, batch.api_key_id)
    work = None if principal is None else work_of(app, batch.kind, workflow, batch.asked, principal)
    left = BatchRun.select().where(BatchRun.batch_id == batch.id, UNDECIDED)
    while some := list(left.order_by(BatchRun.id).limit(_AT_ONCE)):
        known = _read(some, work)
        together = 1 if work is None else work.together
        for start in range(0, len(some), together):
            seconds = 0 if context.should_stop() else _settle(context, some[start : start + together], known, work)
            if seconds is not None:
                context.hand_back(now() + timedelta(seconds=seconds))
                return
        with app.database.transaction():
            _count(batch)
    with app.database.transaction():
        _finish(batch, workflow, DONE)


def _read(some: Sequence[BatchRun], work: Work | None) -> Mapping[str, Execution]:
    """Read the executions of these runs in groups by id; one that has changed at its turn is reread."""
    found = list(Execution.select().where(Execution.id.in_([run.execution_id for run in some])))
    if work is not None:
        work.look_at(found)
    return {execution.id: execution for execution in found}


def _settle(context: "JobContext", runs: Sequence[BatchRun], known: Mapping[str, Execution], work: Work | None) -> int | None:
    """Do it for these runs, one by one where it is refused for one; after how many seconds to try again, where it cannot be done now."""
    try:
        _do(context, [(run, partial(_done, run, known.get(run.execution_id), work)) for run in runs])
    except Refused as refused:
        if len(runs) > 1:
            alone = (_settle(context, [run], known, work) for run in runs)
            return next((seconds for seconds in alone if seconds is not None), None)
        if refused.retry_after is not None:
            return refused.retry_after
        _do(context, [(runs[0], partial(refused_as, refused))])
    return None


def _do(context: "JobContext", acts: Sequence[tuple[BatchRun, Callable[[], Verdict]]]) -> None:
    """Process some runs, together with their results; the disk is synced at the end of the batch."""

    def do() -> None:
        context.checkpoint()
        for run, act in acts:
            records.change(run, act().columns())

    context.persist(lambda: database_of(Batch).attempt(do, durable=False))


def _done(run: BatchRun, execution: Execution | None, work: Work | None) -> Verdict:
    if work is None:
        return _NOBODY
    while execution is not None:
        if (verdict := work.do(execution, f"batch/{run.id}")) is not None:
            return verdict
        execution = find_or_none(Execution, run.execution_id)
    return _GONE


def _count(batch: Batch) -> None:
    mine: Any = BatchRun.select(BatchRun.verdict, fn.COUNT(BatchRun.id)).where(BatchRun.batch_id == batch.id)
    counts = {verdict: int(count) for verdict, count in mine.group_by(BatchRun.verdict).tuples() if verdict is not None}
    records.change(batch, {"done": sum(counts.values()), "verdicts": counted(counts)})


def _finish(batch: Batch, workflow: Workflow, status: str) -> None:
    _count(batch)
    records.change(batch, {"status": status})
    told = {"batch_id": batch.id, "kind": batch.kind, "count": batch.count, "done": batch.done}
    emit("workflows.batch_finished", workflow, data={**told, "status": status})


def give_up(batch_id: str) -> None:
    """Note that a batch does not come to its end. Needs a transaction."""
    batch: Batch | None = find_or_none(Batch, batch_id)
    workflow = find_or_none(Workflow, batch.workflow_id) if batch else None
    if batch is not None and workflow is not None and batch.status == RUNNING:
        _finish(batch, workflow, FAILED)
