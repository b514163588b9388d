"""Start a batch: select its runs, show the dry run, and create it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core import emit
from aasim_core.clock import to_text
from aasim_core.data import records
from aasim_core.data.conditions import Condition
from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.ids import new_id
from aasim_core.jobs.queue import enqueue

from ...executions.models import Execution
from ...executions.resources import waits_for
from .. import service
from ..models import Batch, BatchRun, Workflow
from .running import BATCH, MOST_RUNS, work_of
from .verdicts import Verdict, told

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal

_AT_ONCE = 200
_NOTHING: Mapping[str, Any] = {"verdicts": [], "nodes": [], "executions": [], "estimated_costs": []}


def ask(
    app: "App", principal: "Principal", kind: str, body: Mapping[str, Any], reach: Sequence[Condition], *conditions: Any
) -> dict[str, Any]:
    """Enqueue the batch for the selected runs, within the caller's reach, or only report its results. Needs a transaction."""
    workflow = _found(app, body["filter"]["workflow_id"], principal)
    work = work_of(app, kind, workflow, body, principal)
    work.refuse()
    chosen = _chosen(workflow, body["filter"], [*conditions, *(each.with_values() for each in reach)])
    ids = [execution_id for (execution_id,) in chosen.select(Execution.id).limit(MOST_RUNS[kind] + 1).tuples()]
    if len(ids) > MOST_RUNS[kind]:
        message = f"These are more than {MOST_RUNS[kind]} runs; narrow the filter, such as by since_at and until_at."
        raise Invalid({"filter": [Problem("out_of_range", message)]})
    if body["dry_run"]:
        found = ((execution.id, verdict) for execution, verdict in _foreseen(work.foresee, ids))
        return {"count": len(ids), **told(found), "batch_id": None}
    return {"count": len(ids), **_NOTHING, "batch_id": _begin(workflow, principal, kind, body, ids) if ids else None}


def _found(app: "App", workflow_id: str, principal: "Principal") -> Workflow:
    try:
        return service.find_allowed(app, workflow_id, principal)
    except Refused as refused:
        if refused.code != "not_found":
            raise
        raise Invalid({"filter.workflow_id": [Problem("invalid_reference", "There is no such workflow.")]}) from refused


def _chosen(workflow: Workflow, wanted: Mapping[str, Any], conditions: Sequence[Any]) -> Any:
    """The runs that the filter names, the oldest first."""
    chosen = [Execution.kind == service.KIND, Execution.subject_id == workflow.id, *conditions]
    if "version" in wanted:
        chosen.append(Execution.subject_version == wanted["version"])
    if "execution_ids" in wanted:
        chosen.append(Execution.id.in_(wanted["execution_ids"]))
    if "since_at" in wanted:
        chosen.append(Execution.created_at >= wanted["since_at"])
    if "until_at" in wanted:
        chosen.append(Execution.created_at < wanted["until_at"])
    if "status" in wanted:
        chosen.append(Execution.status.in_(wanted["status"]))
    if "waiting_for" in wanted:
        chosen.append(waits_for("eq", [wanted["waiting_for"]]).with_values())
    if "error_fingerprint" in wanted:
        chosen.append(Execution.error_fingerprint == wanted["error_fingerprint"])
    return Execution.select().where(*chosen).order_by(Execution.created_at, Execution.id)


def _foreseen(foresee: Any, ids: Sequence[str]) -> Iterator[tuple[Execution, Verdict]]:
    for start in range(0, len(ids), _AT_ONCE):
        some = list(
            Execution.select().where(Execution.id.in_(ids[start : start + _AT_ONCE])).order_by(Execution.created_at, Execution.id)
        )
        yield from zip(some, foresee(some), strict=True)


def _begin(workflow: Workflow, principal: "Principal", kind: str, body: Mapping[str, Any], ids: Sequence[str]) -> str:
    batch: Batch = records.create(
        Batch,
        workflow_id=workflow.id,
        workflow_name=workflow.name,
        kind=kind,
        asked=_as_json(body),
        count=len(ids),
        created_by=principal.user_id,
        api_key_id=principal.api_key_id,
    )
    facts = {"organization_id": batch.organization_id, "batch_id": batch.id, "created_at": batch.created_at}
    rows = (BatchRun(id=new_id("batchrun"), execution_id=execution_id, **facts).row() for execution_id in ids)
    records.insert_rows(BatchRun, list(rows))
    enqueue(BATCH, {"batch_id": batch.id}, unique_key=batch.id)
    emit("workflows.batch_requested", workflow, data={"batch_id": batch.id, "kind": kind, "count": len(ids)})
    return str(batch.id)


def _as_json(body: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {name: to_text(value) if name.endswith("_at") else value for name, value in body["filter"].items()}
    return {**body, "filter": wanted}
