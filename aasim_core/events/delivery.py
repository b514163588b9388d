"""Deliver events to the listeners after the commit: a job per event and listener, at least once."""

from collections.abc import Iterable

from ..jobs.queue import enqueue
from .log import owner_of, scope_of
from .records import EventRow


def enqueue_deliveries(deliveries: Iterable[tuple[EventRow, str]]) -> list[str]:
    """Add one job per (event, listener) to the running transaction; it is parked while the listener's plugin is disabled.

    Returns the ids of the jobs.
    """
    return [_enqueue(event, listener) for event, listener in deliveries]


def _enqueue(event: EventRow, listener: str) -> str:
    payload = {"event_id": event.id, "listener": listener}
    with scope_of(event.organization_id):  # which may differ from the transaction's
        return enqueue("core.deliver_event", payload, organization_id=event.organization_id, plugin=owner_of(listener))
