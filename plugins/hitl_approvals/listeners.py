"""What becomes of approvals when the run that waits for them is over."""

from collections.abc import Sequence

from aasim_core import Listener
from aasim_core.events.log import EventRow

from .closing import close

#: The ends of an execution at which nobody needs to decide anything any more, and what is said of them.
_ENDS = {
    "executions.cancelled": "The execution was cancelled.",
    "executions.failed": "The execution failed.",
    "executions.timed_out": "The execution used up its time.",
}


def listeners_of() -> Sequence[Listener]:
    """Close the approvals of a run in the transaction that ends it."""
    return tuple(Listener(name, _close, "before_commit") for name in _ENDS)


def _close(event: EventRow) -> None:
    close(str(event.subject_id), _ENDS[event.name])
