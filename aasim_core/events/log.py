"""The append-only event log: one row per event, written in the transaction of the change."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from ..clock import now
from ..context import (
    EVERY_ORGANIZATION,
    current_actor,
    current_organization,
    current_request_id,
    current_scope,
    organization_scope,
)
from ..data.records import Record, database_of, insert_rows
from .declarations import Declared, Event, Listener
from .records import SUCCESS, EventRow

if TYPE_CHECKING:
    from ..data.transactions import Transaction

_MASK = "***"
#: More event names than an installation declares, including members of families.
_MOST_NAMES = 8192


@dataclass(frozen=True)
class Subject:
    """What an event happened to: its kind, id, and a label that stays readable after the object is deleted."""

    type: str
    id: str | None
    label: str


def subject_of(record: Record) -> Subject:
    """Return the subject for a record: the prefix of its ids names the kind.

    Its label is the field named by its ``Meta.label``, by default `name`, or its id where that is empty or absent.
    """
    label = getattr(record, getattr(record._meta, "label", "name"), None)
    return Subject(record._meta.id_prefix, record.id, str(label or record.id))


def emit(
    name: str,
    subject: Record | Subject,
    *,
    data: Mapping[str, Any] | None = None,
    changes: Mapping[str, Sequence[Any]] | None = None,
    outcome: str = SUCCESS,
    organization_id: str | None = None,
    secret_fields: Sequence[str] = (),
    event_id: str | None = None,
) -> EventRow:
    """Record that `name` happened to `subject`; it commits with the change, or not at all.

    `changes` is ``{field: [before, after]}``; the values of `secret_fields` are masked. In a system scope, name the organization. Pass
    `event_id` if the id was created before; it must be recent, because events are found in the order of their ids.
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
        **({} if event_id is None else {"id": event_id}),
    )
    database = database_of(EventRow)
    transaction = database.current_transaction()
    if database.when_emitted is not None:
        database.when_emitted(event)
    transaction.events.append(event)
    return event


class Deliveries:
    """The listeners of each declared event, and the writing of events at the end of a transaction.

    `is_on(organization_id, plugin)` decides whose listeners are called before the commit; deliveries after it are parked meanwhile.
    """

    #: Called with each written event and its declaration, for tests of event data.
    inspect: ClassVar[Callable[[Event, EventRow], object] | None] = None

    def __init__(
        self,
        events: Mapping[str, Event],
        listeners: Mapping[str, Listener],
        is_on: Callable[[str, str], bool] = lambda organization_id, plugin: True,
    ) -> None:
        self._events = Declared(events)
        self._is_on = is_on
        self._listeners = listeners
        self._matching = lru_cache(_MOST_NAMES)(self._find_matching)

    def _find_matching(self, name: str, moment: str) -> tuple[str, ...]:
        return tuple(
            key for key, listener in self._listeners.items() if listener.moment == moment and fnmatchcase(name, listener.pattern)
        )

    def write(self, transaction: "Transaction") -> list[tuple[EventRow, str]]:
        """Call the listeners before the commit, in the event's organization, and write the rows; returns the (event, listener) pairs to
        deliver: those that are wanted, and whose work is not done at once.

        A listener may emit further events before the commit. LookupError for an undeclared event, RuntimeError for one that `wanted` or
        `at_once` emits.
        """
        written = 0
        while written < len(transaction.events):
            event = transaction.events[written]
            self._refuse_undeclared(event)
            self._call("before_commit", event)
            written += 1
            if Deliveries.inspect is not None:
                Deliveries.inspect(self._events[event.name], event)
        if not transaction.events:
            return []
        for event in transaction.events:
            event.subject_revision = transaction.revisions.get(event.subject_id)
        _insert(transaction.events)
        transaction.wanted = [(event, key) for event in tuple(transaction.events) for key in self.wanting(event)]
        left = [(event, key) for event, key in transaction.wanted if not self._is_done_at_once(event, key)]
        if len(transaction.events) > written:
            name = transaction.events[written].name
            raise RuntimeError(f"{name} was emitted by wanted or at_once of a listener; emit it in the listener's function")
        return left

    def when_emitted(self, event: EventRow) -> None:
        """Call the ``when_emitted`` listeners; `emit` raises their exceptions, and LookupError for an undeclared event."""
        self._refuse_undeclared(event)
        self._call("when_emitted", event)

    def _refuse_undeclared(self, event: EventRow) -> None:
        if "*" in event.name or event.name not in self._events:
            about = f"of {event.subject_type} {event.subject_id or event.subject_label}"
            raise LookupError(f"event {event.name!r} {about} is not declared; return it from the plugin's events hook")

    def _call(self, moment: str, event: EventRow) -> None:
        if self._matching(event.name, moment):
            with scope_of(event.organization_id):  # for a job that is given up, the transaction is the system's
                for key in self.called(moment, event.name, event.organization_id):
                    self._listeners[key].function(event)

    def wanting(self, event: EventRow) -> list[str]:
        """Return the keys of the after-commit listeners that want the event; for one without an organization, those without `wanted`."""
        listeners, organization_id = self._matching(event.name, "after_commit"), event.organization_id
        if organization_id == EVERY_ORGANIZATION:
            return [key for key in listeners if self._listeners[key].wanted is None]
        with organization_scope(organization_id):
            return [key for key in listeners if (wanted := self._listeners[key].wanted) is None or wanted(event)]

    def _is_done_at_once(self, event: EventRow, key: str) -> bool:
        at_once, organization_id = self._listeners[key].at_once, event.organization_id
        if at_once is None or organization_id == EVERY_ORGANIZATION or not self._is_on(organization_id, owner_of(key)):
            return False
        with organization_scope(organization_id):
            return at_once(event)

    def called(self, moment: str, event: str, organization_id: str) -> list[str]:
        """Return the keys of the listeners that an event of that name has in that phase, without those of disabled plugins."""
        return [key for key in self.listening(moment, event) if self._is_on(organization_id, owner_of(key))]

    def listening(self, moment: str, event: str) -> tuple[str, ...]:
        """Return the keys of all declared listeners."""
        return self._matching(event, moment)

    def find(self, key: str) -> Listener | None:
        """Return the listener of that key, or None."""
        return self._listeners.get(key)


def _insert(events: Sequence[EventRow]) -> None:
    """Write the rows; those of other organizations than the one in scope, each in its own scope."""
    scope = current_scope()
    others = {event.organization_id for event in events if scope not in (EVERY_ORGANIZATION, event.organization_id)}
    insert_rows(EventRow, [event.row() for event in events if event.organization_id not in others])
    for organization_id in sorted(others):
        with organization_scope(organization_id):
            insert_rows(EventRow, [event.row() for event in events if event.organization_id == organization_id])


def scope_of(organization_id: str) -> AbstractContextManager[None]:
    """Enter the scope of an organization's events. An event without an organization needs a system scope around it.

    In an organization's scope PostgreSQL estimates the rows that pass its policies; in a system scope it assumes almost none.
    """
    return nullcontext() if organization_id == EVERY_ORGANIZATION else organization_scope(organization_id)


def owner_of(listener_key: str) -> str:
    """Return the plugin that a listener's key begins with, or ``core``."""
    return listener_key.partition("/")[0]
