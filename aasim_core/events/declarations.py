"""The declarations of an event and of a listener."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from marshmallow import fields

from .records import EventRow

_NAME = re.compile("[a-z][a-z0-9_]*[.][a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class Event:
    """Something that happened, as the log records it.

    `name` is ``<plugin>.<past tense>``; `subject` is the kind of object it happened to (``agent``). `data` are the fields of its data, of
    `aasim_core.schemas.fields`, as in the schema of an answer: each is `required` if it is always there, and has a `description`.
    `version` is one more with each change of `data` that breaks who reads it: a field that goes, has another type, may be missing or null.

    A name such as ``custom.*`` is that of a family, whose members are named when they are emitted: ``custom.order_paid``. `data` of None
    are any object. `plugin` is whose it is where that is not the first part of the name.

    `heard_with` is the permission that lets definitions, such as those of job flows, listen to it where that is not the one for the log:
    whoever holds it in the whole organization can read elsewhere what the event tells.
    """

    name: str
    summary: str
    subject: str = ""
    data: Mapping[str, fields.Field[Any]] | None = field(default_factory=dict)
    version: int = 1
    plugin: str = ""
    heard_with: str = ""


class Declared(Mapping[str, Event]):
    """Events by the names that they are declared by; the name of a member leads to its family."""

    def __init__(self, events: Mapping[str, Event]) -> None:
        self._events = dict(events)

    def __getitem__(self, name: str) -> Event:
        found = self._events.get(name)
        if found is None and _NAME.fullmatch(name):
            found = self._events.get(family_of(name))
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)


def family_of(name: str) -> str:
    """The name of the family that an event of that name would be a member of."""
    return f"{name.partition('.')[0]}.*"


@dataclass(frozen=True)
class Listener:
    """A reaction to every event whose name matches `pattern` (``agents.*``, ``*``, or a full name).

    `function` takes the event's row, and is called in a transaction and in the scope of the event's organization, so that it can write
    records, emit events and enqueue jobs.
    ``when_emitted``: `emit` itself calls it, before it notes the event. So an exception reaches whoever makes the change at that place,
    who can go on without it; that is for limits. ``before_commit``: it is called at the end of the change's transaction, and an exception
    refuses the change.
    ``after_commit``: the worker calls it, at least once, in a transaction of its own. What it writes commits with the delivery; anything
    else that it does, it may do again after a crash. What waits for something, such as a web service, belongs into a job that it enqueues.

    `wanted` tells whether an ``after_commit`` listener gets a delivery of the event at all. It is called at the end of the change's
    transaction, in the scope of the event's organization, also while the plugin is off there; an exception refuses the change. It only
    reads, and as little as it can (see `tenancy.remembered`): every event that matches `pattern` waits for it. It is not asked of an
    event that belongs to no organization, of which such a listener gets no delivery.

    `refusals` are the error codes of its own that a listener in the change's transaction refuses with; the API reference names them.
    """

    pattern: str
    function: Callable[[EventRow], Any]
    moment: Literal["when_emitted", "before_commit", "after_commit"] = "after_commit"
    wanted: Callable[[EventRow], bool] | None = None
    refusals: Sequence[str] = ()
