"""The append-only log of what happened: one row per event, written in the transaction of the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import peewee
from peewee import SQL

from ..clock import now
from ..context import current_actor, current_organization, current_request_id
from ..data.fields import IdField, InstantField, JsonField
from ..data.records import Record, Row, database_of, insert_rows
from .declarations import Event, Listener

if TYPE_CHECKING:
    from ..data.unit_of_work import Transaction

SUCCESS, DENIED, FAILED = "success", "denied", "failed"
# The conditions of the partial indexes. Planners compare them with a query's text, so queries repeat them as literals.
UNSEALED = SQL("sequence IS NULL")
SEALED = SQL("sequence IS NOT NULL")
NO_SUCCESS = SQL("outcome <> 'success'")
_MASK = "***"


class EventRow(Row):
    """One event. `sequence` and the hashes are set when the row is sealed, in the background."""

    id = IdField(primary_key=True)
    organization_id = IdField()
    sequence = peewee.BigIntegerField(null=True)
    at = InstantField()
    actor_type = peewee.TextField()
    actor_id = IdField(null=True)
    actor_label = peewee.TextField()
    actor_ip = peewee.TextField(null=True)
    name = peewee.TextField()
    subject_type = peewee.TextField()
    subject_id = IdField(null=True)
    subject_label = peewee.TextField()
    outcome = peewee.TextField(default=SUCCESS)
    changes = JsonField(null=True)
    data = JsonField(null=True)
    request_id = peewee.TextField(null=True)
    hash = peewee.TextField(null=True)
    previous_hash = peewee.TextField(null=True)

    class Meta:
        table_name = "core_event"
        id_prefix = "evt"
        indexes = (
            (("organization_id", "at", "id"), False),
            (("organization_id", "actor_id", "at", "id"), False),
            (("organization_id", "subject_id", "at", "id"), False),
            # A new event is in one of these, and a sealed one in the other. `sequence`, always null, gives new ones an order of their own:
            # in the primary key's, PostgreSQL would walk past all that are sealed, where it believes that hardly any are.
            peewee.Index("core_event_sealed", "core_event", [SQL("organization_id, sequence")], unique=True, where=SEALED),
            peewee.Index("core_event_unsealed", "core_event", [SQL("organization_id, sequence, id")], where=UNSEALED),
            peewee.Index("core_event_no_success", "core_event", [SQL("organization_id, at, id")], where=NO_SUCCESS),
        )


@dataclass(frozen=True)
class Subject:
    """What an event happened to: its kind, id, and the label that stays readable after it is gone."""

    type: str
    id: str | None
    label: str


def subject_of(record: Record) -> Subject:
    """The subject that a record is: the prefix of its ids names the kind; its name, or else its id, is the label."""
    return Subject(record._meta.id_prefix, record.id, str(getattr(record, "name", None) or record.id))


def emit(
    name: str,
    subject: Record | Subject,
    *,
    data: Mapping[str, Any] | None = None,
    changes: Mapping[str, Sequence[Any]] | None = None,
    outcome: str = SUCCESS,
    organization_id: str | None = None,
    secret_fields: Sequence[str] = (),
) -> EventRow:
    """Record that `name` happened to `subject`; it commits with the change, or not at all.

    `changes` is ``{field: [before, after]}``; the values of `secret_fields` are masked. In a system scope, name the organization.
    """
    about = subject if isinstance(subject, Subject) else subject_of(subject)
    actor = current_actor()
    masked = {key: [_MASK, _MASK] if key in secret_fields else list(value) for key, value in (changes or {}).items()}
    event = EventRow(
        organization_id=organization_id or current_organization(),
        at=now(),
        actor_type=actor.type,
        actor_id=actor.id,
        actor_label=actor.label,
        actor_ip=actor.ip,
        name=name,
        subject_type=about.type,
        subject_id=about.id,
        subject_label=about.label,
        outcome=outcome,
        changes=masked or None,
        data=dict(data) if data else None,
        request_id=current_request_id(),
    )
    database_of(EventRow).current_transaction().events.append(event)
    return event


class Deliveries:
    """Which listeners each declared event has, and the writing of events at the end of a transaction."""

    def __init__(self, events: Mapping[str, Event], listeners: Mapping[str, Listener]) -> None:
        self._events = events
        self._before = {name: self._matching(listeners, name, "before_commit") for name in events}
        self._after = {name: self._matching(listeners, name, "after_commit") for name in events}
        self._listeners = listeners

    @staticmethod
    def _matching(listeners: Mapping[str, Listener], name: str, moment: str) -> tuple[str, ...]:
        return tuple(
            key for key, listener in listeners.items() if listener.moment == moment and fnmatchcase(name, listener.pattern)
        )

    def write(self, transaction: "Transaction") -> list[tuple[EventRow, str]]:
        """Call the listeners before the commit, write the rows, and return (event, listener) for each delivery to come.

        A listener may emit further events. LookupError for an event that nobody declared.
        """
        written = 0
        while written < len(transaction.events):
            event = transaction.events[written]
            if event.name not in self._events:
                raise LookupError(f"event {event.name!r} is not declared; return it from the plugin's events hook")
            for key in self._before[event.name]:
                self._listeners[key].function(event)
            written += 1
        if not transaction.events:
            return []
        insert_rows(EventRow, [event.row() for event in transaction.events])
        return [(event, key) for event in transaction.events for key in self._after[event.name]]

    def listener(self, key: str) -> Listener:
        """The listener of that key."""
        return self._listeners[key]
