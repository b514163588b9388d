"""The endpoint that withdraws a vote."""

from collections.abc import Mapping
from typing import ClassVar

from aasim_core import Request, Response, operation
from aasim_core.lists.render_plan import Derived

from .. import schemas
from ..eligibility.rules import READ
from ..models import Approval
from ..service import Approvals
from ..views import DERIVED, VIEW
from .below import BelowApproval


class Votes(BelowApproval):
    """One's own vote on an approval."""

    paths: ClassVar[Mapping[str, str]] = {"": "/hitl-approvals/{approval_id}/withdraw"}
    reply = schemas.ApprovalOut()
    derived: ClassVar[Mapping[str, Derived]] = DERIVED

    def __init__(self, approvals: Approvals) -> None:
        super().__init__(approvals.eligibility)
        self._approvals = approvals

    def allows(self, req: Request, permission: str, target: Approval) -> bool:
        """The caller may decide approvals, and sees this one or decides it: votes count even after reassignment."""
        is_there = super().allows(req, permission, target)
        if permission == READ:
            return is_there
        caller = req.principal, req.rights, target
        return self._eligibility.decides(*caller) or (is_there and self._eligibility.holds(*caller))

    @operation(
        "decide", reply="reply", message="Vote withdrawn.", refusals=("already_decided", "invalid_state"), while_archived=True
    )
    def on_post(self, req: Request, resp: Response, approval_id: str) -> None:
        """Withdraw your vote while the approval is open.

        You can vote again. Edits made with votes stay.
        """
        self._approvals.withdraw(approval_id, req.principal.user_id)
        resp.media = VIEW.row(approval_id, self.plan.columns)
