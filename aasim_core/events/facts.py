"""What an event tells whoever gets it outside of the log: as messages have it, and as expressions of users see it."""

from collections.abc import Mapping
from typing import Any

from ..clock import to_text
from ..user_code import expressions
from .records import EventRow

#: What a filter may take: less than other expressions, since one job evaluates all that there are for an event.
_MOST_STEPS = expressions.Steps(read=expressions.LONGEST + 2**20, copied=2**24, compared=12 * 10**8)
_NOTHING: Mapping[str, Any] = {}
#: What expressions can take of an event.
FIELDS = (
    "type", "timestamp", "id", "organization_id", "version", "actor", "subject", "subject_revision", "outcome", "changes", "data",
    "request_id",
)  # fmt: skip


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


def is_meant(told: Mapping[str, Any], expression: str, named: Mapping[str, Any] = _NOTHING) -> bool:
    """Whether a filter is true of an ``event``, as `seen_by_expressions` has it, and of what else it can name.

    Raises ValueError, with a sentence for people, where it is neither true nor false.
    """
    value = expressions.evaluate(expression, {**named, "event": told}, _MOST_STEPS)
    if not isinstance(value, bool):
        raise ValueError("The filter is neither true nor false here.")  # noqa: TRY004 - as that of an expression without a value
    return value
