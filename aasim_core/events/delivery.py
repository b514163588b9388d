"""Calling the listeners that react after the commit: a job for each event and listener, at least once."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..jobs.declarations import Job, Retry
from ..jobs.queue import enqueue
from .log import EventRow

if TYPE_CHECKING:
    from ..app import App
    from ..jobs.context import JobContext


def enqueue_deliveries(deliveries: Iterable[tuple[EventRow, str]]) -> None:
    """Put one job for each (event, listener) into the running transaction."""
    for event, listener in deliveries:
        enqueue("core.deliver_event", {"event_id": event.id, "listener": listener}, organization_id=event.organization_id)


def delivery_job(app: "App") -> Job:
    """The job that calls one listener with one event; one that keeps failing is dead and can be retried."""

    def deliver(context: "JobContext", payload: Mapping[str, Any]) -> None:
        event = EventRow.get_or_none(EventRow.id == payload["event_id"])
        if event is not None:
            app.deliveries.listener(payload["listener"]).function(event)

    return Job("core.deliver_event", deliver, retry=Retry(max_attempts=10))
