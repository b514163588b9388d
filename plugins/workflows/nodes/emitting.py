"""Nodes that emit an event, visible to activities, webhooks and other runs."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from aasim_core.events.log import Subject, emit
from aasim_core.ids import new_id
from aasim_core.text.json import to_json

from ...executions.models import Execution
from ..hookspecs import NodeFailed, NodeType, Result
from ..shell.data import Data

#: The family of these events.
FAMILY = "custom.*"
#: Events are retained for long, and sent to many.
_MOST_BYTES = 65_536
_CONFIG = {
    "type": "object",
    "properties": {
        "name": {
            "type": "string",
            "maxLength": 71,
            "pattern": "^custom[.][a-z][a-z0-9_]*$",
            "description": "custom. and small letters, digits and _, such as custom.order_paid",
        },
        "data": {"type": "object"},
        "subject_id": {"type": "string", "minLength": 1, "maxLength": 200},
    },
    "required": ["name"],
    "additionalProperties": False,
}


def _emit(config: Mapping[str, Any], data: Data) -> Result:
    """Return the event's id; the event is written together with the end of the node, exactly once."""
    filled = data.fill_config(config, _CONFIG)
    if len(to_json(filled.get("data"))) > _MOST_BYTES:
        raise NodeFailed("event_too_large", f"The data of an event have at most {_MOST_BYTES // 1024} KiB.")
    event_id, about = new_id("evt"), _subject(filled.get("subject_id"), data.execution)
    return Result(event_id, also=partial(emit, filled["name"], about, data=filled.get("data"), event_id=event_id))


def _subject(subject_id: str | None, execution: Execution) -> Subject:
    """What the event is about: what the config names, or the run."""
    if subject_id is None:
        return Subject("execution", execution.id, execution.label or execution.kind)
    return Subject("custom", subject_id, subject_id)


EMIT_EVENT = NodeType("emit_event", "Tell others that something happened.", _CONFIG, compute=_emit, writes=True)
