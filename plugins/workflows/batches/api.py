"""The endpoints of batches."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import App, Collection, Request, Resource, Response, operation
from aasim_core.lists.query import ListQuery
from aasim_core.resources.collection import Parent

from ...executions.models import GOING, Execution
from ...executions.resources import reach_of
from ..api import Workflows
from ..models import MIGRATE, RERUN_MANY, Batch, BatchRun
from . import asking, schemas


class Asking(Resource):
    """Batch operations on many runs of a workflow."""

    paths: ClassVar[Mapping[str, str]] = {"migrate": "/workflows/executions/migrate", "rerun": "/workflows/executions/rerun"}
    noun = "batches"
    migrate_body, rerun_body, plan_reply = schemas.MigrateIn(), schemas.RerunIn(), schemas.PlanOut()

    def __init__(self, app: App) -> None:
        self.app = app

    @operation(
        "execute", body="migrate_body", reply="plan_reply", status=202, also=(200,), reach="rows", message="The runs are being moved.",
    )  # fmt: skip
    def on_post_migrate(self, req: Request, resp: Response) -> None:
        """Migrate waiting runs to another version of their workflow.

        With dry_run, only report the results, with 200.
        """
        self._answer(req, resp, MIGRATE, GOING)

    @operation(
        "execute", body="rerun_body", reply="plan_reply", status=202, also=(200,), verb="rerun_many",
        reach="rows", message="The runs are being repeated.",
    )  # fmt: skip
    def on_post_rerun(self, req: Request, resp: Response) -> None:
        """Repeat a part of many ended runs, each in a new run.

        With dry_run, only report the extent and cost, with 200.
        """
        self._answer(req, resp, RERUN_MANY, Execution.finished_at.is_null(False))

    def _answer(self, req: Request, resp: Response, kind: str, *conditions: Any) -> None:
        told = asking.ask(self.app, req.principal, kind, req.body, reach_of(req), *conditions)
        resp.status = 200 if told["batch_id"] is None else 202
        if req.body["dry_run"]:
            resp.message = "Nothing was started: this is what would become of the runs."
        elif told["batch_id"] is None:
            resp.message = "Nothing was started: the filter names no run."
        if told["batch_id"] is not None:
            resp.location = f"/api/v1/workflows/{req.body['filter']['workflow_id']}/batches/{told['batch_id']}"
            resp.set_header("Retry-After", "1")
        resp.media = told


class Batches(Collection):
    """The batches of a workflow."""

    record = Batch
    events = "workflows"
    noun = "batches"
    parent = Parent(Workflows, "workflow_id")
    paths: ClassVar[Mapping[str, str]] = {
        "": "/workflows/{workflow_id}/batches",
        "one": "/workflows/{workflow_id}/batches/{batch_id}",
    }
    reply = schemas.BatchOut()
    query = ListQuery(schemas.BatchOut(), filters=("kind", "status", "created_at"), sorts=("created_at",))

    def find(self, req: Request, **ids: str) -> Any:
        """Return the batch, with its workflow; or that alone."""
        found = super().find(req, **ids)
        if isinstance(found, Batch):
            found.workflow = req.parent
        return found


class BatchRuns(Collection):
    """The runs of a batch, and their results."""

    record = BatchRun
    events = "workflows"
    noun = "runs of batches"
    parent = Parent(Batches, "batch_id")
    paths: ClassVar[Mapping[str, str]] = {"": "/workflows/{workflow_id}/batches/{batch_id}/executions"}
    reply = schemas.BatchRunOut()
    query = ListQuery(
        schemas.BatchRunOut(), filters=("verdict", "reason", "execution_id"), sorts=("created_at",), default="created_at"
    )
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List the runs of a batch, the oldest first, with their results."}
    }

    def __init__(self, app: App) -> None:
        super().__init__(app)
        self._workflows = Workflows(app)

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """Return whether the caller has the permission on the workflow."""
        return self._workflows.allows(req, permission, req.parent.workflow)
