"""Nodes that wait: for a time, for an event, for a signal."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from aasim_core.clock import from_text, now

from ...executions.service import Settled, Wait, for_event, for_signal, until
from ..hookspecs import NodeFailed, NodeType, NodeUse, Result

_TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
_WAYS = ("until", "seconds", "event", "signal")
_YEAR = 366 * 86_400
_SECONDS = {"type": "number", "minimum": 0, "maximum": _YEAR}


def _wait(use: NodeUse) -> Wait:
    config = use.config
    seconds = config.get("timeout_seconds")
    deadline = None if seconds is None else now() + timedelta(seconds=seconds)
    if "until" in config:
        return until(_moment(config["until"]))
    if "seconds" in config:
        return until(now() + timedelta(seconds=config["seconds"]))
    if "signal" in config:
        return for_signal(config["signal"]["name"], config["signal"].get("correlation", ""), deadline)
    event = config["event"]
    return for_event(event["name"], event["subject_id"], use.execution.created_at, deadline)


def _moment(text: Any) -> Any:
    try:
        return from_text(str(text))
    except (ValueError, OverflowError) as error:
        raise NodeFailed("invalid_time", f"{text} is no time; write one as 2026-12-31T09:00:00Z.") from error


def _flaws(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = [way for way in _WAYS if way in config]
    if len(found) != 1:
        yield "", f"Write one of {', '.join(_WAYS)}" + (f", and not {' and '.join(found)}." if found else ".")
    if "timeout_seconds" in config and not {"event", "signal"} & set(found):
        yield "timeout_seconds", "Only what waits for an event or a signal can time out; leave this out."
    if isinstance(text := config.get("until"), str) and "{{" not in text:
        try:
            _moment(text)
        except NodeFailed as failed:
            yield "until", failed.message


def _came(settled: Settled) -> Result:
    return Result(settled.data, "timeout" if settled.status == "timed_out" else "done")


def _object(*required: str) -> dict[str, Any]:
    names = ("name", "subject_id") if "subject_id" in required else ("name", "correlation")
    properties = dict.fromkeys(names, _TEXT)
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


WAIT = NodeType(
    "wait",
    "Wait for a time, an event or a signal.",
    {
        "type": "object",
        "properties": {
            "until": {"type": "string", "maxLength": 1024},
            "seconds": _SECONDS,
            "event": _object("name", "subject_id"),
            "signal": _object("name"),
            "timeout_seconds": _SECONDS,
        },
        "additionalProperties": False,
    },
    wait=_wait,
    came=_came,
    flaws=_flaws,
    outcomes=lambda config: ("done", "timeout") if "timeout_seconds" in config else ("done",),
)
TYPES = (WAIT,)
