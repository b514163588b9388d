"""The endpoints of projects, including those below departments."""

from collections.abc import Mapping
from typing import ClassVar

from aasim_core import Request, Response, operation
from aasim_core.lists.query import ListQuery
from aasim_core.resources.node_collection import NodeCollection

from . import schemas, service
from .models import Project


class Projects(NodeCollection):
    """Projects: shared work of people."""

    record = Project
    events = "projects"
    kind = "project"
    parents = ("department_id", "branch_id")
    people = ("lead_id",)
    paths: ClassVar[Mapping[str, str]] = {
        "": "/projects",
        "one": "/projects/{project_id}",
        "status": "/projects/{project_id}/status",
        "below": "/departments/{department_id}/projects",
    }
    body = schemas.ProjectIn()
    reply = schemas.ProjectOut()
    status_body = schemas.StatusIn()
    unique = ("key",)
    query = ListQuery(
        schemas.ProjectOut(),
        filters=("name", "key", "status", "lead_id", "branch_id", "department_id", "tags", "created_at", "updated_at"),
        sorts=("created_at", "updated_at", "name"),
        search=("name", "key"),
    )

    @operation(
        "update", body="status_body", reply="reply", while_archived=True, message="Status changed.", refusals=("invalid_state",)
    )
    def on_put_status(self, req: Request, resp: Response, project_id: str) -> None:
        """Put a project on hold, archive it, or make it active again.

        Everything that belongs to an archived project is read-only.
        """
        resp.media = service.change_status(req.target, **req.body)

    @operation("read", query="query", reply="reply", many=True, message="Projects listed.")
    def on_get_below(self, req: Request, resp: Response, department_id: str) -> None:
        """List the projects in a department, at any depth."""
        resp.media = self.page(req, *self.below(req.target))
