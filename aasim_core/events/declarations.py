"""The declarations of an event and of a listener."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .log import EventRow


@dataclass(frozen=True)
class Event:
    """Something that happened, as the log records it.

    `name` is ``<plugin>.<past tense>``; `subject` is the kind of object it happened to (``agent``);
    `data` names the keys that its data may have, each with one line that explains it.
    """

    name: str
    summary: str
    subject: str = ""
    data: "dict[str, str] | None" = None


@dataclass(frozen=True)
class Listener:
    """A reaction to every event whose name matches `pattern` (``agents.*``, ``*``, or a full name).

    `function` takes the event's row. ``before_commit``: inside the change's transaction, an exception refuses the change.
    ``after_commit``: called by the worker at least once; make it idempotent by the event's id.
    """

    pattern: str
    function: "Callable[[EventRow], Any]"
    moment: Literal["before_commit", "after_commit"] = "after_commit"
