"""The endpoints of executions under /workflows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

import peewee

from aasim_core import Request, Response, operation
from aasim_core.clock import to_text
from aasim_core.data import records
from aasim_core.errors import not_found
from aasim_core.ids import is_id

from ..executions import service as executions
from ..executions.models import Execution
from ..executions.resources import ExecutionResource, SubjectExecutions, accepted
from . import schemas, service
from .kernel.flow import CANCELLED, RUN
from .models import ERROR, OUTPUT, NodeRow, ResultRow, Workflow
from .rerun import Rerun


class WorkflowExecutions(SubjectExecutions):
    """The runs of a workflow."""

    paths: ClassVar[Mapping[str, str]] = {
        "execute": "/workflows/{workflow_id}/execute",
        "executions": "/workflows/{workflow_id}/executions",
    }
    body = schemas.ExecuteIn()

    def find(self, req: Request, **ids: str) -> Workflow:
        """Return the workflow, unless it is deleted."""
        return service.find_live(ids["workflow_id"])

    @operation(
        "execute",
        body="body",
        reply="reply",
        status=202,
        also=(200,),
        waits=True,
        message="Execution queued.",
        refusals=("invalid_state", "queue_full", "too_many_at_once"),
    )
    def on_post_execute(self, req: Request, resp: Response, workflow_id: str) -> None:
        """Run a workflow.

        The response comes at once, or with ``Prefer: wait=N`` when the run has ended within N seconds.
        """
        execution = service.start(
            self.app,
            req.target,
            req.body["input"],
            req.principal.user_id,
            number=service.version_for(self.app, req.target, req.body.get("version"), req.principal),
            metadata=req.body["metadata"],
            labels=req.body["labels"],
            api_key_id=req.principal.api_key_id,
        )
        accepted(self, req, resp, execution)

    @operation("read", query="query", reply="reply", many=True, message="Executions listed.")
    def on_get_executions(self, req: Request, resp: Response, workflow_id: str) -> None:
        """List the executions of a workflow that the caller may see."""
        self.list_executions(req, resp)


class WorkflowRuns(ExecutionResource):
    """Single runs of workflows, with their nodes."""

    paths: ClassVar[Mapping[str, str]] = {
        "one": "/workflows/executions/{execution_id}",
        "nodes": "/workflows/executions/{execution_id}/nodes",
        "rerun": "/workflows/executions/{execution_id}/rerun",
    }
    one_reply = schemas.RunOut()
    nodes_query, nodes_reply = schemas.NodeQuery(), schemas.NodesOut()
    rerun_body, rerun_reply = schemas.RerunIn(), schemas.RerunOut()

    def find(self, req: Request, **ids: str) -> Execution:
        """Return the execution, if it runs a workflow."""
        execution = records.find_or_none(Execution, ids["execution_id"]) if is_id(ids["execution_id"], "exec") else None
        if execution is None or execution.kind != service.KIND:
            raise not_found()
        found: Execution = execution
        return found

    def node_of(self, target: Execution) -> str | None:
        """The project of the run."""
        project_id: str | None = target.project_id
        return project_id

    def allows(self, req: Request, permission: str, target: Execution) -> bool:
        """The starter of a run may see it."""
        return executions.allows(req.rights, permission, target, req.principal.user_id)

    @operation("read", reply="one_reply", message="Execution read.")
    def on_get_one(self, req: Request, resp: Response, execution_id: str) -> None:
        """Read a run of a workflow, with the results of its nodes."""
        nodes = _nodes_of(req.target, NodeRow.scope == RUN)
        undone_by = next((node["execution_id"] for node in nodes if node["path"] == RUN), None)
        nodes = [node for node in nodes if node["path"] != RUN]
        resp.media = {"execution": self.plan.seen_by(req).item(req.target), "nodes": nodes, "compensation_id": undone_by}

    @operation("read", query="nodes_query", reply="nodes_reply", message="Nodes listed.")
    def on_get_nodes(self, req: Request, resp: Response, execution_id: str) -> None:
        """List the nodes of a run, including those in loops, in the order in which they began."""
        after, scope = req.query["after"], req.query.get("scope")
        within = [] if scope is None else [NodeRow.scope == scope]
        nodes = _nodes_of(req.target, NodeRow.number > after, NodeRow.path != RUN, *within, limit=req.query["limit"])
        resp.media = {"nodes": nodes, "last_number": nodes[-1]["number"] if nodes else after}

    @operation(
        "execute", body="rerun_body", reply="rerun_reply", status=202, also=(200,), message="Execution queued.",
        refusals=("invalid_state", "queue_full", "too_many_at_once"),
    )  # fmt: skip
    def on_post_rerun(self, req: Request, resp: Response, execution_id: str) -> None:
        """Repeat a part of an ended run in a new run.

        With dry_run, only report which part, with 200.
        """
        rerun = Rerun(self.app, req.target, req.body["paths"], req.body["edits"], req.body.get("version"))
        started = None
        if req.body["dry_run"]:
            resp.status, resp.message = 200, "Nothing was started: this is what a rerun would repeat."
        else:
            started = rerun.start(req.principal)
            resp.location = f"/api/v1/workflows/executions/{started.id}"
        resp.media = {
            "execution": started and self.plan.seen_by(req).item(started),
            "plan": [asdict(each) for each in rerun.plan()],
        }


def _nodes_of(execution: Execution, *conditions: Any, limit: int | None = None) -> Sequence[Mapping[str, Any]]:
    """Return the matching nodes of a run, in the order in which they began; what its end cut off is cancelled."""
    pinned = service.pinned_definition(execution.subject_id or "", execution.subject_version or 0)
    written = {} if pinned is None else pinned.nodes
    cut_off = {"state": "ended", "outcome": CANCELLED, "finished_at": execution.finished_at and to_text(execution.finished_at)}
    return [
        _told(row, written.get(row.node, {})) | (cut_off if execution.finished_at is not None and row.state != "ended" else {})
        for row in _with_results(execution, conditions, limit)
    ]


def _with_results(execution: Execution, conditions: Sequence[Any], limit: int | None) -> Any:
    """Return the rows of nodes, with their `output` and `error`."""
    output, error = ResultRow.alias(), ResultRow.alias()
    query = NodeRow.select(NodeRow, output.value.alias("output"), error.value.alias("error"))
    for kept, kind in ((output, OUTPUT), (error, ERROR)):
        same = (kept.execution_id == NodeRow.execution_id) & (kept.path == NodeRow.path) & (kept.kind == kind)
        query = query.join_from(
            NodeRow, kept, peewee.JOIN.LEFT_OUTER, on=same & (kept.organization_id == NodeRow.organization_id)
        )
    return query.where(NodeRow.execution_id == execution.id, *conditions).order_by(NodeRow.number).limit(limit).objects()


def _told(row: Any, written: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "path": row.path,
        "number": row.number,
        "node": row.node,
        "name": written.get("name"),
        "type": written.get("type"),
        "state": row.state,
        "outcome": row.outcome,
        "attempt": row.attempt,
        "execution_id": row.child_id,
        "output": row.output,
        "error": row.error,
        "reused_from": row.reused_from,
        "edited_by": row.edited_by,
        "started_at": row.started_at and to_text(row.started_at),
        "finished_at": row.finished_at and to_text(row.finished_at),
    }
