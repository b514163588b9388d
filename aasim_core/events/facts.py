"""Representations of an event outside the log: in messages, and in users' expressions."""

from collections.abc import Mapping
from typing import Any

from ..clock import to_text
from ..user_code import expressions
from .records import EventRow

#: Limits of a filter, lower than for other expressions: one job evaluates all filters for an event.
_MOST_STEPS = expressions.Steps(read=expressions.LONGEST + 2**20, copied=2**24, compared=12 * 10**8)
_NOTHING: Mapping[str, Any] = {}
#: The fields of an event that expressions can use.
FIELDS = (
    "type", "timestamp", "id", "organization_id", "version", "actor", "subject", "subject_revision", "outcome", "changes", "data",
    "request_id",
)  # fmt: skip


def facts_of(event: EventRow, version: int) -> dict[str, Any]:
    """Return what `/activities` shows of an event, except the actor's network address and the position in the log."""
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
    """Return an event for expressions: flat, with empty objects in place of nulls, so that ``has`` works."""
    told = {"type": event.name, "timestamp": to_text(event.at), "changes": event.changes or {}, "data": event.data or {}}
    return {**facts_of(event, version), **told}


def is_meant(told: Mapping[str, Any], expression: str, named: Mapping[str, Any] = _NOTHING) -> bool:
    """Evaluate a filter on an ``event``, as returned by `seen_by_expressions`, and its other variables.

    Raises ValueError, with a sentence for people, if the result is not a boolean.
    """
    value = expressions.evaluate(expression, {**named, "event": told}, _MOST_STEPS)
    if not isinstance(value, bool):
        raise ValueError("The filter is neither true nor false here.")  # noqa: TRY004 - as that of an expression without a value
    return value
