"""The endpoints of branches."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import Request, Response, operation
from aasim_core.lists.query import ListQuery
from aasim_core.resources.node_collection import NodeCollection

from . import schemas
from .models import Branch


class Branches(NodeCollection):
    """Branches: the organization's locations."""

    record = Branch
    events = "branches"
    kind = "branch"
    people = ("manager_id",)
    paths: ClassVar[Mapping[str, str]] = {
        "": "/branches",
        "one": "/branches/{branch_id}",
        "below": "/organizations/{organization_id}/branches",
    }
    body = schemas.BranchIn()
    reply = schemas.BranchOut()
    unique = ("code",)
    query = ListQuery(
        schemas.BranchOut(),
        filters=("name", "code", "status", "manager_id", "timezone", "created_at", "updated_at"),
        sorts=("created_at", "updated_at", "name"),
        search=("name", "code"),
    )

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """Dates are stored as written."""
        if "holidays" in values:
            values = {**values, "holidays": [day.isoformat() for day in values["holidays"]]}
        return super().check(req, values, record)

    @operation("read", query="query", reply="reply", many=True, reach="rows", message="Branches listed.")
    def on_get_below(self, req: Request, resp: Response, organization_id: str) -> None:
        """List the branches of an organization."""
        resp.media = self.page(req, *self.below(req.target))
