"""What an event tells whoever gets it outside of the log: as messages have it, and as expressions of users see it."""

from typing import Any

from ..clock import to_text
from .log import EventRow


def facts_of(event: EventRow, version: int) -> dict[str, Any]:
    """What `/activities` shows of an event, but for the address that the actor had and its place in the log."""
    return {
        "id": event.id,
        "organization_id": event.organization_id,
        "version": version,
        "actor": {"type": event.actor_type, "id": event.actor_id, "label": event.actor_label},
        "subject": {"type": event.subject_type, "id": event.subject_id, "label": event.subject_label},
        "subject_revision": event.subject_revision,
        "outcome": event.outcome,
        "changes": event.changes,
        "data": event.data,
        "request_id": event.request_id,
    }


def seen_by_expressions(event: EventRow, version: int) -> dict[str, Any]:
    """An event as expressions see it: flat, and with objects where there is nothing to tell, so that ``has`` can be asked."""
    told = {"type": event.name, "timestamp": to_text(event.at), "changes": event.changes or {}, "data": event.data or {}}
    return {**facts_of(event, version), **told}
