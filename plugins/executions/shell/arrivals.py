"""Deliver to a run without a lock on it, and wake it once for several arrivals."""

from datetime import datetime
from typing import Any

from aasim_core.clock import now
from aasim_core.context import current_organization
from aasim_core.jobs.queue import enqueue

from ..kernel.state import Ending, WaitKind
from ..models import ArrivalRow

#: The job that delivers to a run what has come for it.
DELIVER = "executions.deliver"


def send(
    execution_id: str,
    kind: WaitKind,
    correlation: str,
    *,
    key: str,
    data: Any = None,
    status: Ending = "succeeded",
    at: datetime | None = None,
) -> bool:
    """Send a run something that it waits for, or will wait for, in the running transaction; False if that `key` has come before.

    `at` is when it happened, if not now.
    """
    row = ArrivalRow.insert(
        organization_id=current_organization(),
        execution_id=execution_id,
        key=key,
        kind=kind,
        correlation=correlation,
        occurred_at=at or now(),
        status=status,
        data=data,
        is_delivered=False,
    )
    is_new = bool(row.on_conflict_ignore().as_rowcount().execute())
    if is_new:
        enqueue(DELIVER, {"execution_id": execution_id}, unique_key=execution_id)
    return is_new


def untaken(execution_id: str, at_most: int) -> int:
    """How much has come for the run that nothing in it has waited for yet, counted to `at_most`."""
    mine = ArrivalRow.select(ArrivalRow.key).where(ArrivalRow.execution_id == execution_id, ArrivalRow.path.is_null())
    return len(mine.limit(at_most).tuples())
