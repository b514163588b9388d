"""The endpoints of departments, including those below organizations and branches."""

from collections.abc import Mapping
from typing import ClassVar

from aasim_core import Request, Response, operation
from aasim_core.lists.query import ListQuery
from aasim_core.resources.node_collection import NodeCollection

from . import schemas
from .models import Department


class Departments(NodeCollection):
    """Departments: parts of the organization, in branches and in each other."""

    record = Department
    events = "departments"
    kind = "department"
    parents = ("parent_id", "branch_id")
    people = ("head_id",)
    paths: ClassVar[Mapping[str, str]] = {
        "": "/departments",
        "one": "/departments/{department_id}",
        "below_organization": "/organizations/{organization_id}/departments",
        "below_branch": "/branches/{branch_id}/departments",
    }
    body = schemas.DepartmentIn()
    reply = schemas.DepartmentOut()
    unique = ("code",)
    query = ListQuery(
        schemas.DepartmentOut(),
        filters=("name", "code", "branch_id", "parent_id", "head_id", "cost_center", "status", "created_at", "updated_at"),
        sorts=("created_at", "updated_at", "name"),
        search=("name", "code"),
    )

    @operation("read", query="query", reply="reply", many=True, reach="rows", message="Departments listed.")
    def on_get_below_organization(self, req: Request, resp: Response, organization_id: str) -> None:
        """List the departments of an organization."""
        resp.media = self.page(req, *self.below(req.target))

    @operation("read", query="query", reply="reply", many=True, message="Departments listed.")
    def on_get_below_branch(self, req: Request, resp: Response, branch_id: str) -> None:
        """List the departments in a branch, at any depth."""
        resp.media = self.page(req, *self.below(req.target))
