"""The message, built from the event for each attempt, so that the event is not copied."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from aasim_core.clock import now, to_text
from aasim_core.events.facts import facts_of
from aasim_core.events.records import EventRow
from aasim_core.ids import new_id
from aasim_core.text.json import to_json

from ..models import CLOUDEVENTS, STANDARD, THIN, Delivery, Webhook

#: The type of the message that a test sends.
PING = "ping"


@dataclass(frozen=True)
class Message:
    """A body, with the id by which receivers know it again; that of an event is the event's."""

    id: str
    body: bytes
    content_type: str


class _Told(NamedTuple):
    """A message's data, whatever its format."""

    id: str
    type: str
    timestamp: str
    organization_id: str
    subject_id: str | None
    data: Mapping[str, Any]


def message_of(event: EventRow, delivery: Delivery) -> Message:
    """What is sent of an event."""
    facts = (_ids if delivery.payload == THIN else facts_of)(event, delivery.event_version)
    told = _Told(event.id, event.name, to_text(event.at), event.organization_id, event.subject_id, facts)
    return _written(told, delivery.format)


def ping(webhook: Webhook) -> Message:
    """What a test sends."""
    data = {"webhook_id": webhook.id}
    return _written(_Told(new_id(PING), PING, to_text(now()), webhook.organization_id, webhook.id, data), webhook.format)


def _ids(event: EventRow, version: int) -> dict[str, Any]:
    """Return the links to the rest."""
    return {
        "id": event.id,
        "organization_id": event.organization_id,
        "version": version,
        "actor": {"type": event.actor_type, "id": event.actor_id},
        "subject": {"type": event.subject_type, "id": event.subject_id},
        "subject_revision": event.subject_revision,
        "request_id": event.request_id,
    }


def _written(told: _Told, form: str) -> Message:
    content_type, envelope = _FORMATS[form]
    return Message(told.id, to_json(envelope(told)), content_type)


def _standard(told: _Told) -> dict[str, Any]:
    return {"type": told.type, "timestamp": told.timestamp, "data": told.data}


def _cloudevents(told: _Told) -> dict[str, Any]:
    subject = {} if told.subject_id is None else {"subject": told.subject_id}
    return {
        "specversion": "1.0",
        "id": told.id,
        "source": f"/api/v1/organizations/{told.organization_id}",
        "type": told.type,
        **subject,
        "time": told.timestamp,
        "datacontenttype": "application/json",
        "data": told.data,
    }


#: The envelopes, with their media types: that of Standard Webhooks, and CloudEvents 1.0 in structured mode.
_FORMATS: Mapping[str, tuple[str, Callable[[_Told], dict[str, Any]]]] = {
    STANDARD: ("application/json", _standard),
    CLOUDEVENTS: ("application/cloudevents+json", _cloudevents),
}
