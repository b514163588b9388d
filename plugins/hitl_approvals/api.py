"""The endpoints of approvals."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aasim_core import Collection, Refused, Request, Response, operation
from aasim_core.access.delegation import Delegator
from aasim_core.data.conditions import Condition
from aasim_core.lists.paging import read_page
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Derived

from . import schemas
from .decisions.ballots import Ballot
from .eligibility.rules import READ
from .models import APPROVE, REJECT, Approval
from .policies.references import require_assignee
from .service import Approvals as Service
from .views import DERIVED, INBOX, VIEW

if TYPE_CHECKING:
    from aasim_core import App


class Approvals(Collection):
    """Approvals: questions that people decide before an action.

    An approval is visible to readers of approvals at its run's node, to its requester, and to its assignees. The current assignees and
    their delegates decide.
    """

    record = Approval
    events = "hitl_approvals"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/hitl-approvals",
        "pending": "/hitl-approvals/pending",
        "one": "/hitl-approvals/{approval_id}",
        "approve": "/hitl-approvals/{approval_id}/approve",
        "reject": "/hitl-approvals/{approval_id}/reject",
        "escalate": "/hitl-approvals/{approval_id}/escalate",
    }
    reply = schemas.ApprovalOut()
    approve_body, reject_body, escalate_body = schemas.ApproveIn(), schemas.RejectIn(), schemas.EscalateIn()
    node_field = "project_id"
    view = VIEW
    derived: ClassVar[Mapping[str, Derived]] = DERIVED
    query = ListQuery(
        schemas.ApprovalAsked(), filters=schemas.FILTERS, sorts=("created_at", "due_at"), search=("title", "summary")
    )
    inbox_query = ListQuery(
        schemas.ApprovalAsked(), filters=schemas.FILTERS, sorts=("risk_rank", "due_at", "created_at"), default="-risk_rank,due_at"
    )

    def __init__(self, app: "App", approvals: Service) -> None:
        super().__init__(app)
        self._approvals, self._eligibility = approvals, approvals.eligibility

    def allows(self, req: Request, permission: str, target: Approval) -> bool:
        """Reading requires visibility, deciding requires being an assignee."""
        asks = self._eligibility.sees if permission == READ else self._eligibility.decides
        return asks(req.principal, req.rights, target)

    def denial(self, req: Request, permission: str, target: Approval) -> Refused:
        """A caller with the permission is told why the decision is not theirs."""
        if self._eligibility.holds(req.principal, req.rights, target):
            return self._eligibility.denial(target, req.principal.user_id)
        return super().denial(req, permission, target)

    def reach(self, req: Request) -> list[Condition]:
        """The same for lists."""
        return self._eligibility.visible(req.principal, req.rights)

    @operation("read", query="inbox_query", reply="reply", many=True, reach="rows", message="Pending approvals listed.")
    def on_get_pending(self, req: Request, resp: Response) -> None:
        """List the approvals that wait for the caller.

        The greatest risk comes first, then the earliest due.
        """
        question = self.inbox_query.question(req.path, req.query)
        conditions = self._eligibility.inbox(req.principal, req.rights)
        resp.media = read_page(INBOX, self.plan.columns, question, conditions, self.app.keyring)

    @operation(
        "decide", body="approve_body", reply="reply", message="Vote counted.", refusals=("already_decided", "action_changed")
    )
    def on_post_approve(self, req: Request, resp: Response, approval_id: str) -> None:
        """Approve the action, or the action with your edits.

        Where several must approve, this is one vote.
        """
        resp.media = self.present(self._approvals.approve(approval_id, Ballot(req.principal.user_id, APPROVE, **req.body)))

    @operation(
        "decide",
        body="reject_body",
        reply="reply",
        message="Approval rejected.",
        refusals=("already_decided", "action_changed"),
        while_archived=True,
    )
    def on_post_reject(self, req: Request, resp: Response, approval_id: str) -> None:
        """Reject the action.

        One vote is enough.
        """
        resp.media = self.present(self._approvals.reject(approval_id, Ballot(req.principal.user_id, REJECT, **req.body)))

    @operation(
        "decide",
        body="escalate_body",
        reply="reply",
        message="Approval escalated.",
        refusals=("already_decided", "invalid_state"),
    )
    def on_post_escalate(self, req: Request, resp: Response, approval_id: str) -> None:
        """Reassign the decision to somebody else, or to the next level of escalation."""
        to: Any = req.body["to"]
        if to is not None:
            require_assignee(to, "to.id", Delegator.of(self.app.rights, req.principal))
        resp.media = self.present(self._approvals.escalate(approval_id, req.principal.user_id, to, req.body["reason"]))
