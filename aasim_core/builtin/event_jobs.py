"""The core's jobs on events: call each listener with its events, and seal the chain."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..clock import now
from ..data.records import find_or_none
from ..events.chain import sealing
from ..events.records import EventRow
from ..jobs.declarations import Job, Retry
from ..jobs.errors import GiveUp

if TYPE_CHECKING:
    from ..app import App
    from ..jobs.context import JobContext

#: How long a delivery waits for a version that has its listener, and how soon it looks again.
_PATIENCE, _NEXT_LOOK = timedelta(days=1), timedelta(seconds=30)


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


def sealing_job(app: "App") -> Job:
    """The job that seals what has happened, every minute; ``whole`` in its payload lets it begin at the first event."""

    def seal(context: "JobContext", payload: Mapping[str, Any]) -> None:
        sealing.seal_events(app.database, app.keyring, whole=payload.get("whole", False), should_stop=context.should_stop)

    return Job(sealing.NAME, seal, retry=Retry(max_attempts=3), schedule="* * * * *")
