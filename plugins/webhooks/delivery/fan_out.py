"""Fan out an event: one delivery for each matching webhook.

Where few webhooks match, each active and without a filter or an order, the change that emits the event writes the deliveries. Otherwise a
job does.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.data.compiled import compiled
from aasim_core.data.records import database_of
from aasim_core.events.facts import seen_by_expressions
from aasim_core.events.patterns import is_any
from aasim_core.events.records import EventRow
from aasim_core.tenancy.organization_state import cached

from ..filters import verdict_on
from ..health import note_held
from ..models import ACTIVE, HELD, Delivery, Webhook
from ..versions import version_of
from . import ordering
from .queueing import hold_line, is_first, queue

if TYPE_CHECKING:
    from aasim_core.app import App

#: The number of webhooks up to which a change writes the deliveries of its events itself; for more of them, a job does.
_FEW = 4
#: Returns the webhooks of the organization in scope.
Known = Callable[[], Sequence[Webhook]]


def known_webhooks(app: "App") -> Known:
    """Makes the function that returns the webhooks, as they were a second ago at the earliest."""
    return cached(app.organization_states, _every_known)


def is_wanted(known: Known) -> Callable[[EventRow], bool]:
    """Makes the predicate of whether a webhook of the event's organization is for such events."""
    return lambda event: any(is_any(webhook.events, event.name) for webhook in known())


def at_once(app: "App", known: Known) -> Callable[[EventRow], bool]:
    """Makes the function that writes the deliveries of an event in the transaction that emits it, and returns whether it has.

    Not where that transaction changes webhooks: they are `known` as they were before.
    """

    def deliver(event: EventRow) -> bool:
        if event.organization_id in database_of(Webhook).current_transaction().bumped:
            return False
        meant = [webhook for webhook in known() if is_any(webhook.events, event.name)]
        if len(meant) > _FEW or not all(_is_plain(webhook, event) for webhook in meant):
            return False
        for webhook in meant:
            _deliver(app, webhook, event)
        return True

    return deliver


def _is_plain(webhook: Webhook, event: EventRow) -> bool:
    return webhook.status == ACTIVE and webhook.filter is None and not ordering.is_ordered(webhook, event)


def _every_known() -> Sequence[Webhook]:
    of_interest = (Webhook.id, Webhook.events, Webhook.filter, Webhook.order, Webhook.payload, Webhook.format, Webhook.status)
    return tuple(Webhook.select(*of_interest).order_by(Webhook.id))


def fan_out(app: "App", event: EventRow) -> None:
    """Make a delivery for each webhook that the event is for, in the running transaction; held, if it was disabled at that time."""
    for webhook in _every_webhook.records():
        if not _is_for(app, webhook, event):
            continue
        if ordering.is_ordered(webhook, event):
            _deliver_in_order(app, webhook, event)
        elif not (_may_have_come(webhook, event) and ordering.has_delivery(webhook, event)):
            _deliver(app, webhook, event)


@compiled(Webhook)
def _every_webhook() -> Any:
    return Webhook.select().order_by(Webhook.id)


def _is_for(app: "App", webhook: Webhook, event: EventRow) -> bool:
    if not is_any(webhook.events, event.name) or webhook.filter is None:
        return is_any(webhook.events, event.name)
    return verdict_on(seen_by_expressions(event, version_of(app, event.name)), webhook.filter).is_sent


def _may_have_come(webhook: Webhook, event: EventRow) -> bool:
    """Whether the event may have a delivery: another one brought it, when the webhook wanted an order."""
    return webhook.selects_since_at is not None and event.at < webhook.selects_since_at + ordering.MARGIN


def _deliver_in_order(app: "App", webhook: Webhook, event: EventRow) -> None:
    hold_line(webhook.id, event.subject_id)
    last = ordering.last_in_line(webhook, event)
    position = 0 if last is None else last.position
    for each in ordering.with_earlier(webhook, event, last):
        if each is event or _is_for(app, webhook, each):
            position += 1
            _deliver(app, webhook, each, position)


def _deliver(app: "App", webhook: Webhook, event: EventRow, position: int | None = None) -> None:
    about = {"webhook_id": webhook.id, "event_id": event.id, "event": event.name, "subject_id": event.subject_id}
    made_with = {"event_version": version_of(app, event.name), "payload": webhook.payload, "format": webhook.format}
    delivery = Delivery(**about, **made_with, position=position)
    if webhook.status != ACTIVE and webhook.disabled_at is not None and webhook.disabled_at < event.at:
        delivery.status = HELD
        records.insert(delivery)
        note_held(webhook.id)
        return
    is_due = is_first(delivery)
    delivery.next_attempt_at = now() if is_due else None
    records.insert(delivery)
    if is_due:
        queue(delivery)
