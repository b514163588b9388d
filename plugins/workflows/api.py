"""The endpoints of workflows."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import Collection, Request, Response, operation
from aasim_core.data.conditions import Condition
from aasim_core.lists.query import ListQuery
from aasim_core.resources.collection import Parent

from . import exchange, schemas, service, validation
from .exchange.schemas import ExportAsked, ExportOut, ImportIn, ImportOut
from .models import ACTIVE, Workflow, WorkflowVersion


class Workflows(Collection):
    """Workflows: graphs of nodes that run durably, in versions."""

    record = Workflow
    events = "workflows"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/workflows",
        "one": "/workflows/{workflow_id}",
        "validate": "/workflows/validate",
        "export": "/workflows/{workflow_id}/export",
        "import": "/workflows/import",
    }
    body, reply = schemas.WorkflowIn(), schemas.WorkflowOut()
    validate_body, validate_reply = schemas.ValidateIn(), schemas.ValidateOut()
    export_query, export_reply = ExportAsked(), ExportOut()
    import_body, import_reply = ImportIn(), ImportOut()
    node_field = "project_id"
    unique = ("name",)
    query = ListQuery(
        schemas.WorkflowOut(),
        filters=("name", "status", "project_id", "owner_id", "tags", "created_at", "updated_at"),
        sorts=("created_at", "updated_at", "name"),
        search=("name", "description"),
    )

    def find(self, req: Request, **ids: str) -> Workflow:
        """Return the workflow, unless it is deleted."""
        return service.find_live(ids["workflow_id"])

    def reach(self, req: Request) -> list[Condition]:
        """Those in the caller's reach that are not deleted."""
        return [Condition(_is_there), *super().reach(req)]

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """The project must be visible to the caller; an active workflow must have no faults."""
        req.rights.require_project(values.get("project_id"))
        if not {"definition", "status"} & values.keys():
            return values
        workflow: Workflow = record or Workflow(**values)
        faults = validation.faults(self.app, values.get("definition", workflow.definition), req.principal, workflow.id)
        if values.get("status", workflow.status) == ACTIVE:
            validation.refuse(faults)
        return {**values, "faults": validation.told(faults)}

    def create(self, req: Request, values: dict[str, Any]) -> Workflow:
        """Write the workflow and its first version."""
        return service.create(values, req.principal.user_id)

    def change(self, req: Request, record: Workflow, values: dict[str, Any]) -> Workflow:
        """Write changed values; a changed definition creates a new version."""
        return service.change(record, values)

    def remove(self, req: Request, record: Workflow) -> None:
        """Deleting a workflow retains its runs."""
        service.remove(record)

    @operation("create", body="validate_body", reply="validate_reply", reach="rows", message="Definition looked through.")
    def on_post_validate(self, req: Request, resp: Response) -> None:
        """Validate a definition, and report all its faults.

        Nothing is written.
        """
        faults = validation.faults(self.app, req.body["definition"], req.principal)
        resp.media = {"is_valid": not any(not fault.is_hint for fault in faults), "faults": validation.told(faults)}

    @operation(
        "read",
        query="export_query",
        reply="export_reply",
        verb="export",
        message="Workflow exported.",
        refusals=("validation_failed",),
    )
    def on_get_export(self, req: Request, resp: Response, workflow_id: str) -> None:
        """Export a workflow as a document without secrets.

        The document lists its ids of other objects.
        """
        workflow: Workflow = req.target
        resp.media = exchange.export(
            workflow, service.definition_at(workflow, req.query.get("version") or workflow.workflow_version)
        )

    @operation(
        "create",
        body="import_body",
        reply="import_reply",
        status=201,
        also=(200,),
        is_import=True,
        reach="place",
        message="Workflow imported.",
    )
    def on_post_import(self, req: Request, resp: Response) -> None:
        """Import a document as a draft.

        The response reports the result for each part; with dry_run, nothing is written.
        """
        project_id = req.body["project_id"]
        req.rights.require_project(project_id)
        req.rights.require_at("workflows:create", project_id)
        self.app.rights.refuse_archived(req.principal, project_id)
        answer = exchange.read(self.app, req.body)
        values = self.check(req, dict(answer.values))
        workflow = None
        if not req.body["dry_run"]:
            name = req.body.get("name") or service.free_name(values["name"])
            workflow = self.create(req, {**values, "name": name})
            resp.location = self.location(workflow)
        else:
            resp.status, resp.message = 200, "Nothing was imported: this is what the import would make."
        told = {"definition": values["definition"], "faults": values["faults"], **answer.told}
        resp.media = {"workflow": workflow and self.plan.item(workflow), **told}


def _is_there() -> Any:
    return Workflow.deleted_at.is_null()


class Versions(Collection):
    """The versions of a workflow's definition; each change creates one."""

    record = WorkflowVersion
    events = "workflows"
    noun = "versions"
    parent = Parent(Workflows, "workflow_id")
    paths: ClassVar[Mapping[str, str]] = {"": "/workflows/{workflow_id}/versions"}
    reply = schemas.VersionOut()
    query = ListQuery(schemas.VersionOut(), filters=(), sorts=("number", "created_at"), default="-number")
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List the versions of a workflow's definition, newest first."}
    }
