"""Nodes that wait for a time, an event, or a signal."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aasim_core.access.rights import Rights
from aasim_core.clock import from_text, now
from aasim_core.events import patterns

from ...executions.service import Settled, Wait, for_event, for_signal, is_own_run, may_hear, unheard, until
from ..hookspecs import NodeFailed, NodeType, NodeUse, Result, Used

if TYPE_CHECKING:
    from aasim_core.app import App

_TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
_WHAT = {"until": "a time", "seconds": "a time", "event": "an event", "signal": "a signal"}
_WAYS = tuple(_WHAT)
#: What else can be done by who may not listen to events.
_INSTEAD = "Without it, name a run of your own in event.subject_id, or wait for a signal."
_DAY, _YEAR = 86_400, 366 * 86_400
_SECONDS = {"type": "number", "minimum": 0, "maximum": _YEAR}
_PATTERN = {"type": "string", "maxLength": 100, "pattern": f"^({patterns.EVENT_PATTERN})$", "description": patterns.EXPECTED}
#: What only waits for an event, or for an event or a signal, can have.
_ONLY = {"filter": ("event",), "look_back_seconds": ("event",), "timeout_seconds": ("event", "signal")}


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
    return _event(use, config["event"], deadline)


def _event(use: NodeUse, event: Mapping[str, Any], deadline: datetime | None) -> Wait:
    try:
        since = _since(use, event.get("subject_id"))
        return for_event(event["name"], event.get("subject_id"), since, deadline, use.config.get("filter"), use.named)
    except ValueError as error:
        raise NodeFailed("filter_too_large", str(error)) from error


def _since(use: NodeUse, subject_id: str | None) -> datetime:
    """From when on events count: of one subject there are few, of all there are many."""
    if (seconds := use.config.get("look_back_seconds")) is not None:
        return now() - timedelta(seconds=seconds)
    return now() if subject_id is None else use.execution.created_at


def _heard(app: "App", config: Mapping[str, Any]) -> Used | None:
    """To let a run wait for events, permission to listen to them is required, unless they are about a run of their own.

    A subject that is filled in later is nobody's run yet.
    """
    event = config.get("event", {})
    pattern, subject_id = event.get("name", ""), event.get("subject_id", "")
    if not pattern:
        return None

    def allowed(rights: Rights, user_id: str) -> bool:
        is_own = bool(subject_id) and is_own_run(subject_id, user_id)
        return is_own or may_hear(app, rights, pattern)

    return Used("event.name", f"{unheard(app, pattern).message} {_INSTEAD}", "permission_denied", allowed)


def _moment(text: Any) -> Any:
    try:
        return from_text(str(text))
    except (ValueError, OverflowError) as error:
        raise NodeFailed("invalid_time", f"{text} is no time; write one as 2026-12-31T09:00:00Z.") from error


def _flaws(app: "App", config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = [way for way in _WAYS if way in config]
    if len(found) != 1:
        yield "", f"Write one of {', '.join(_WAYS)}" + (f", and not {' and '.join(found)}." if found else ".")
    for field, ways in _ONLY.items():
        if field in config and not set(ways) & set(found):
            yield field, f"Only what waits for {' or '.join(_WHAT[way] for way in ways)} can have this; leave it out."
    name = config["event"]["name"] if "event" in config else ""
    if name and "{{" not in name and (problem := patterns.flaw(name, app.events)):
        yield "event.name", problem
    if isinstance(text := config.get("until"), str) and "{{" not in text:
        try:
            _moment(text)
        except NodeFailed as failed:
            yield "until", failed.message


def _came(settled: Settled) -> Result:
    return Result(settled.data, "timeout" if settled.status == "timed_out" else "done")


def _named(name: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    properties = {"name": name, **others}
    return {"type": "object", "properties": properties, "required": ["name"], "additionalProperties": False}


_CONFIG = {
    "type": "object",
    "properties": {
        "until": {"type": "string", "maxLength": 1024},
        "seconds": _SECONDS,
        "event": _named(_PATTERN, subject_id=_TEXT),
        "signal": _named(_TEXT, correlation=_TEXT),
        "filter": {"type": "string", "minLength": 1, "maxLength": 1024},
        "look_back_seconds": {"type": "number", "minimum": 0, "maximum": _DAY},
        "timeout_seconds": _SECONDS,
    },
    "additionalProperties": False,
}


def wait(app: "App") -> NodeType:
    """The type of these nodes."""
    return NodeType(
        "wait",
        "Wait for a time, an event or a signal.",
        _CONFIG,
        wait=_wait,
        came=_came,
        expressions=("filter",),
        filters=("filter",),
        flaws=partial(_flaws, app),
        uses=_heard,
        outcomes=lambda config: ("done", "timeout") if "timeout_seconds" in config else ("done",),
    )
