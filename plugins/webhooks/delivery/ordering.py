"""Order the deliveries about one subject, for webhooks that require it.

Events are fanned out at the same time, and in whatever order. So one brings those with it that happened before and have not come yet. A
transaction that sees a change of an object sees the earlier ones too, each of which was read by the next; `subject_revision` tells which is
which, whatever the clocks say.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from peewee import SQL

from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind
from aasim_core.events.records import EventRow

from ..models import BY_SUBJECT, Delivery, Webhook

#: Longer than any transaction takes, and by more than clocks of machines differ.
MARGIN = timedelta(minutes=10)
#: An event that takes longer to be fanned out may find later ones before it.
_LOOK_BACK = timedelta(days=1)


def is_ordered(webhook: Webhook, event: EventRow) -> bool:
    """Whether the event gets a position at that webhook."""
    return webhook.order == BY_SUBJECT and event.subject_id is not None


def last_in_line(webhook: Webhook, event: EventRow) -> Any:
    """The last delivery about the event's subject, or None."""
    line = (Delivery.webhook_id == webhook.id) & (Delivery.subject_id == event.subject_id)
    return Delivery.select().where(line, Delivery.position.is_null(False)).order_by(Delivery.position.desc()).first()


def with_earlier(webhook: Webhook, event: EventRow, last: Any) -> Sequence[EventRow]:
    """The event, and those between the `last` one and it, in order; without those that have a delivery."""
    past = None if last is None else EventRow.get_or_none(EventRow.id == last.event_id)
    since = _since(webhook, event, past)
    found = EventRow.select().where(EventRow.subject_id == event.subject_id, EventRow.at.between(since, event.at + MARGIN))
    earlier = [each for each in found if _is_before(each, event) and (past is None or _is_before(past, each))]
    return in_order(each for each in [*earlier, event] if not has_delivery(webhook, each))


def _since(webhook: Webhook, event: EventRow, past: EventRow | None) -> datetime:
    """Where to begin to look; what happened before the webhook was for it, or was held and dropped, is not brought back."""
    bounds = [event.at - _LOOK_BACK, webhook.selects_since_at]
    if past is not None:
        bounds.append(past.at - MARGIN)
    if webhook.dropped_count:
        bounds.append(webhook.oldest_held_at)
    since: datetime = max(bound for bound in bounds if bound is not None)
    return since


def has_delivery(webhook: Webhook, event: EventRow) -> bool:
    """Whether the event has a delivery to the webhook."""
    return _delivery.one(webhook_id=webhook.id, event_id=event.id) is not None


@compiled(Delivery)
def _delivery() -> Any:
    return Delivery.select(SQL("1")).where(Delivery.webhook_id == Bind("webhook_id"), Delivery.event_id == Bind("event_id"))


def in_order(events: Iterable[EventRow]) -> list[EventRow]:
    """The events as they happened: by time, but those that changed the subject by its revisions."""
    by_time = sorted(events, key=_moment)
    changed = [each for each in by_time if each.subject_revision is not None]
    changes = iter(sorted(changed, key=attrgetter("subject_revision")))
    return [each if each.subject_revision is None else next(changes) for each in by_time]


def _is_before(event: EventRow, other: EventRow) -> bool:
    if event.subject_revision is None or other.subject_revision in (None, event.subject_revision):
        return _moment(event) < _moment(other)
    return bool(event.subject_revision < other.subject_revision)


def _moment(event: EventRow) -> tuple[datetime, str]:
    return event.at, event.id
