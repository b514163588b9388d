"""The declarations of an event and of a listener."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from marshmallow import fields

from ..errors import Refused
from .records import EventRow

_NAME = re.compile("[a-z][a-z0-9_]*[.][a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class Event:
    """Something that happened, as recorded in the log.

    `name` is ``<plugin>.<past tense>``; `subject` is the kind of object it happened to (``agent``). `data` declares the fields of its data,
    of `aasim_core.schemas.fields`, as in the schema of a response: a field is `required` if it is always present, and has a `description`.
    Increase `version` with each incompatible change of `data`: a field that is removed, has another type, or may now be missing or null.

    A name such as ``custom.*`` declares a family, whose members are named when they are emitted: ``custom.order_paid``. With `data` None,
    any object is valid. `plugin` names the owning plugin where that is not the first part of the name.

    `heard_with` is the permission that allows definitions, such as those of job flows, to listen to the event, if it is not the permission
    for the log: holding it in the whole organization must already give access to the event's contents elsewhere.
    """

    name: str
    summary: str
    subject: str = ""
    data: Mapping[str, fields.Field[Any]] | None = field(default_factory=dict)
    version: int = 1
    plugin: str = ""
    heard_with: str = ""


class Declared(Mapping[str, Event]):
    """Events by their declared names; a member's name finds its family."""

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
    """Return the name of the family that an event of that name would belong to."""
    return f"{name.partition('.')[0]}.*"


@dataclass(frozen=True)
class Listener:
    """A reaction to every event whose name matches `pattern` (``agents.*``, ``*``, or a full name).

    `function` takes the event's row, and is called in a transaction and in the scope of the event's organization, so that it can write
    records, emit events and enqueue jobs. ``when_emitted``: `emit` itself calls it, before the event is recorded, so an exception reaches
    the code that makes the change, which can continue without it; use it for limits. ``before_commit``: it is called at the end of the
    change's transaction, and an exception refuses the change. ``after_commit``: the worker calls it, at least once, in a transaction of its
    own. Its writes commit with the delivery; any other effect may be repeated after a crash. Slow work, such as calling a web service,
    belongs in a job that it enqueues.

    `wanted` decides whether an ``after_commit`` listener gets a delivery of the event. It is called at the end of the change's transaction,
    in the scope of the event's organization, even while the plugin is disabled there; an exception refuses the change. It only reads, and
    as little as possible (see `tenancy.organization_state.cached`), because it delays every event that matches `pattern`. If the commit
    takes longer than what is `cached` is trusted, it is called again after it, for a listener that has come to want the event meanwhile. It
    is not called for an event without an organization, and such a listener gets no delivery of one.

    `at_once` may do the work of an ``after_commit`` listener at the end of the change's transaction, where that is no more than to write
    the delivery, and returns whether it has done it: then there is no delivery. It is called for events that are wanted, while the plugin
    is enabled for the organization. It may write records and enqueue jobs, but not emit events; an exception refuses the change.

    `refusals` are the plugin's own error codes that a listener in the change's transaction raises; the API reference lists them.
    """

    foreseen: ClassVar = (Refused,)
    #: Meanwhile nobody else may be able to write.
    most_seconds: ClassVar = 5.0

    pattern: str
    function: Callable[[EventRow], Any]
    moment: Literal["when_emitted", "before_commit", "after_commit"] = "after_commit"
    wanted: Callable[[EventRow], bool] | None = None
    at_once: Callable[[EventRow], bool] | None = None
    refusals: Sequence[str] = ()
