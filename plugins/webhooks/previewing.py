"""Preview a filter on recent events."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core.events.facts import seen_by_expressions
from aasim_core.events.patterns import is_any
from aasim_core.events.records import EventRow

from .filters import verdict_on
from .models import Webhook
from .versions import version_of

if TYPE_CHECKING:
    from aasim_core.app import App

#: How many of the last events are looked at for those that the webhook is for.
_LOOKED_AT = 1000
_LAST_FIRST = EventRow.at.desc(), EventRow.id.desc()


def preview(app: "App", webhook: Webhook, expression: str | None, limit: int) -> dict[str, Any]:
    """What the filter says of each of the last `limit` events that the patterns of the webhook mean, the last one first."""
    return {"filter": expression, "items": [_tried(app, event, expression) for event in _last(webhook.events, limit)]}


def _last(patterns: Sequence[str], limit: int) -> Iterable[EventRow]:
    """In two steps, since events can be large."""
    names: Any = EventRow.select(EventRow.id, EventRow.name).order_by(*_LAST_FIRST).limit(_LOOKED_AT)
    ids = [event_id for event_id, name in names.tuples() if is_any(patterns, name)][:limit]
    found: Iterable[EventRow] = EventRow.select().where(EventRow.id.in_(ids)).order_by(*_LAST_FIRST)
    return found


def _tried(app: "App", event: EventRow, expression: str | None) -> dict[str, Any]:
    told = {"event_id": event.id, "event": event.name, "occurred_at": event.at}
    return {**told, **verdict_on(seen_by_expressions(event, version_of(app, event.name)), expression)._asdict()}
