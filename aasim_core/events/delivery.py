"""Deliver events to the listeners after the commit: a job per event and listener, at least once."""

import time
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from ..context import EVERY_ORGANIZATION, organization_scope
from ..data.records import database_of
from ..jobs.queue import enqueue
from ..tenancy.organization_state import TRUSTED_SECONDS, OrganizationStates
from .log import Deliveries, owner_of, scope_of
from .records import EventRow

if TYPE_CHECKING:
    from ..data.transactions import Transaction


def deliver(deliveries: Deliveries, states: OrganizationStates, transaction: "Transaction") -> None:
    """Write the transaction's events at its end, and enqueue their deliveries.

    What listeners want may be `cached`, and so a second old. Where the commit took longer still, because the process stood still or the
    network did, they are asked once more: what has begun meanwhile, and looked for earlier events, did not find these.
    """
    asked_at = time.monotonic()
    enqueue_deliveries(deliveries.write(transaction))
    if transaction.events:
        transaction.after_commit.append(partial(_ask_again_if_late, deliveries, states, transaction, asked_at))


def _ask_again_if_late(deliveries: Deliveries, states: OrganizationStates, transaction: "Transaction", asked_at: float) -> None:
    if time.monotonic() - asked_at < TRUSTED_SECONDS:
        return
    asked = {(event.id, key) for event, key in transaction.wanted}
    for organization_id in {event.organization_id for event in transaction.events} - {EVERY_ORGANIZATION}:
        states.forget(organization_id)
        with organization_scope(organization_id), database_of(EventRow).transaction():
            events = (event for event in transaction.events if event.organization_id == organization_id)
            pairs = ((event, key) for event in events for key in deliveries.wanting(event))
            enqueue_deliveries((event, key) for event, key in pairs if (event.id, key) not in asked)


def enqueue_deliveries(deliveries: Iterable[tuple[EventRow, str]]) -> list[str]:
    """Add one job per (event, listener) to the running transaction; it is parked while the listener's plugin is disabled.

    Returns the ids of the jobs.
    """
    return [_enqueue(event, listener) for event, listener in deliveries]


def _enqueue(event: EventRow, listener: str) -> str:
    payload = {"event_id": event.id, "listener": listener}
    with scope_of(event.organization_id):  # which may differ from the transaction's
        return enqueue("core.deliver_event", payload, organization_id=event.organization_id, plugin=owner_of(listener))
