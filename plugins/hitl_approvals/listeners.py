"""Reactions to events: close the approvals of an ended run, and end the delegations of a removed member."""

from collections.abc import Sequence

from aasim_core import Listener
from aasim_core.data import records
from aasim_core.events.log import emit
from aasim_core.events.records import EventRow

from .decisions.closing import close
from .models import Delegation

#: The ends of an execution after which no decision is needed, and the reason recorded.
_ENDS = {
    "executions.cancelled": "The execution was cancelled.",
    "executions.failed": "The execution failed.",
    "executions.timed_out": "The execution used up its time.",
}


def listeners_of() -> Sequence[Listener]:
    """Close the approvals of a run in the transaction that ends it, and the delegations of a member in that which removes them."""
    closing = [Listener(name, _close, "before_commit") for name in _ENDS]
    return *closing, Listener("users.deleted", _end_delegations, "before_commit")


def _close(event: EventRow) -> None:
    close(str(event.subject_id), _ENDS[event.name])


def _end_delegations(event: EventRow) -> None:
    theirs = (Delegation.from_user_id == event.subject_id) | (Delegation.to_user_id == event.subject_id)
    for delegation in Delegation.select().where(theirs):
        records.remove(delegation)
        emit("hitl_approvals.delegation_deleted", delegation)
