"""Deadlines for successful runs: the owner is notified when one is missed, even if the flow was paused."""

from datetime import datetime, timedelta
from typing import Any

from aasim_core import emit
from aasim_core.clock import to_text
from aasim_core.context import SYSTEM, acting_as
from aasim_core.data import records
from aasim_core.data.records import database_of
from aasim_core.jobs.queue import enqueue
from aasim_core.tenancy.organizations_with import organizations_with

from ..models import DISABLED, EXPECTING, JobFlow

#: The job that notifies the owner of a flow that it is overdue, was paused, or is started in a loop.
SEND = "job_flows.send_mail"
OVERDUE, FAILING, LOOPING = NEWS = ("overdue", "failing", "looping")


def begin_anew(within_seconds: int | None, status: str, at: datetime) -> dict[str, Any]:
    """Return the columns with the deadline of the next success, from the given time: within that many seconds, for a flow with this
    status."""
    is_expected = within_seconds is not None and status != DISABLED
    return {"expected_at": at + timedelta(seconds=within_seconds or 0) if is_expected else None, "overdue_at": None}


def with_overdue() -> list[str]:
    """The organizations in which a success has not come in time. Needs a system scope."""
    return organizations_with(JobFlow, EXPECTING, JobFlow.expected_at <= to_text(database_of(JobFlow).time()))


def tell_overdue() -> None:
    """Notify the owners of overdue flows of the organization in scope, once each. Needs a transaction."""
    at = database_of(JobFlow).time()
    for flow in JobFlow.select().where(EXPECTING, JobFlow.expected_at <= to_text(at)).order_by(JobFlow.expected_at).limit(100):
        expected_at = flow.expected_at
        if records.compare_and_set(flow, {"expected_at": expected_at}, {"expected_at": None, "overdue_at": at}):
            with acting_as(SYSTEM):
                emit("job_flows.overdue", flow, data={"expected_at": to_text(expected_at), "status": flow.status})
                tell_owner(flow, OVERDUE)


def tell_owner(flow: JobFlow, news: str) -> None:
    """Send the owner a mail. Needs a transaction."""
    enqueue(SEND, {"flow_id": flow.id, "news": news})
