"""Close approvals whose run has ended, and the data of approvals in events."""

from typing import Any

from aasim_core import emit
from aasim_core.clock import now, to_text
from aasim_core.data import records
from aasim_core.events.log import Subject

from ...executions import service as executions
from ..models import CANCELLED, OPEN, Approval, Assignee

#: The reason for closing approvals whose run ended unnoticed.
ENDED = "The execution has ended."


def close(execution_id: str, reason: str) -> None:
    """Cancel the open approvals of an execution that is over. Needs a transaction."""
    of_run = (Approval.execution_id == execution_id) & Approval.status.in_(OPEN)
    while (approval := Approval.get_or_none(of_run)) is not None:
        before, version = approval.status, approval.version + 1
        moment = now()
        decision = {"approved": False, "user_id": None, "decided_at": to_text(moment), "comment": reason, "edits": None}
        values = {"status": CANCELLED, "decision": decision, "decided_at": moment, "version": version, "updated_at": moment}
        if records.compare_and_set(approval, {"status": before, "version": approval.version}, values):
            end_levels(approval)
            emit("hitl_approvals.cancelled", subject_of(approval), data=told(approval), changes={"status": [before, CANCELLED]})


def end_levels(approval: Approval, below: int | None = None) -> None:
    """End the assignments of the approval: at all levels, or those `below` one."""
    of_levels = () if below is None else (Assignee.level < below,)
    Assignee.update(is_open=False).where(Assignee.approval_id == approval.id, Assignee.is_open, *of_levels).execute()


def close_left_over() -> None:
    """Cancel the open approvals in the organization in scope whose executions ended while approvals were off. Needs a transaction."""
    for approval in list(Approval.select().where(Approval.status.in_(OPEN), Approval.execution_id.is_null(False))):
        if is_left_over(approval):
            close(approval.execution_id, ENDED)


def is_left_over(approval: Approval) -> bool:
    """Whether the run is over that the approval is of."""
    return approval.execution_id is not None and executions.has_ended(approval.execution_id)


def subject_of(approval: Approval) -> Subject:
    """The approval as events name it."""
    return Subject("approval", approval.id, approval.title)


def told(approval: Approval, **more: Any) -> dict[str, Any]:
    """Return the approval's data for events, and more."""
    facts = {"execution_id": approval.execution_id, "level": approval.level, **more}
    return {name: value for name, value in facts.items() if value is not None}
