"""The base of endpoints below an approval, such as its vote and its example."""

from typing import TYPE_CHECKING

from aasim_core import Request, Resource, not_found
from aasim_core.data.records import find_or_none
from aasim_core.ids import is_id

from ..models import Approval

if TYPE_CHECKING:
    from ..eligibility.rules import Eligibility


class BelowApproval(Resource):
    """Finds the approval that the path names, for those who may see it."""

    def __init__(self, eligibility: "Eligibility") -> None:
        self._eligibility = eligibility

    def find(self, req: Request, **ids: str) -> Approval:
        """The approval; raises the one 404."""
        approval: Approval | None = None
        if is_id(ids["approval_id"], "approval"):
            approval = find_or_none(Approval, ids["approval_id"])
        if approval is None:
            raise not_found()
        return approval

    def node_of(self, target: Approval) -> str | None:
        """The project of its run."""
        project_id: str | None = target.project_id
        return project_id

    def allows(self, req: Request, permission: str, target: Approval) -> bool:
        """Return whether the approval is visible to the caller."""
        return self._eligibility.sees(req.principal, req.rights, target)
