"""Calling the listeners that react after the commit: a job for each event and listener, at least once."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..clock import now
from ..data.records import find_or_none
from ..jobs.declarations import Job, Retry
from ..jobs.errors import GiveUp
from ..jobs.queue import enqueue
from .log import owner_of, scope_of
from .records import EventRow

if TYPE_CHECKING:
    from ..app import App
    from ..jobs.context import JobContext

#: How long a delivery waits for a version that has its listener, and how soon it looks again.
_PATIENCE, _NEXT_LOOK = timedelta(days=1), timedelta(seconds=30)


def enqueue_deliveries(deliveries: Iterable[tuple[EventRow, str]]) -> list[str]:
    """Put one job for each (event, listener) into the running transaction; it is parked while the listener's plugin is off.

    Returns the ids of the jobs.
    """
    return [_enqueue(event, listener) for event, listener in deliveries]


def _enqueue(event: EventRow, listener: str) -> str:
    payload = {"event_id": event.id, "listener": listener}
    with scope_of(event.organization_id):  # which need not be the one of the transaction
        return enqueue("core.deliver_event", payload, organization_id=event.organization_id, plugin=owner_of(listener))


def delivery_job(app: "App") -> Job:
    """The job that calls one listener with one event; one that keeps failing is dead and can be retried.

    The listener runs in a transaction, which also ends the job: what it writes is there once, or not at all.
    """

    def deliver(context: "JobContext", payload: Mapping[str, Any]) -> None:
        listener = app.deliveries.find(payload["listener"])
        event = find_or_none(EventRow, payload["event_id"])
        if event is None:
            return
        if listener is None:
            _leave(context, event, payload["listener"])
            return
        with app.database.transaction():
            listener.function(event)
            context.complete()

    return Job("core.deliver_event", deliver, retry=Retry(max_attempts=10))


def _leave(context: "JobContext", event: EventRow, listener: str) -> None:
    """Put the delivery back for a worker of the version that has the listener; GiveUp when none came for a day."""
    if now() - event.at > _PATIENCE:
        raise GiveUp(f"there is no listener {listener}: its plugin has renamed it, or the version that has it is gone")
    context.hand_back(now() + _NEXT_LOOK)
