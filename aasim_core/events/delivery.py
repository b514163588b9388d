"""Calling the listeners that react after the commit: a job for each event and listener, at least once."""

from collections.abc import Iterable

from ..jobs.queue import enqueue
from .log import owner_of, scope_of
from .records import EventRow


def enqueue_deliveries(deliveries: Iterable[tuple[EventRow, str]]) -> list[str]:
    """Put one job for each (event, listener) into the running transaction; it is parked while the listener's plugin is off.

    Returns the ids of the jobs.
    """
    return [_enqueue(event, listener) for event, listener in deliveries]


def _enqueue(event: EventRow, listener: str) -> str:
    payload = {"event_id": event.id, "listener": listener}
    with scope_of(event.organization_id):  # which need not be the one of the transaction
        return enqueue("core.deliver_event", payload, organization_id=event.organization_id, plugin=owner_of(listener))
