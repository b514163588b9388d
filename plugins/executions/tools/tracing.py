"""The spans of runs and of their tool calls.

A run continues in several jobs, and ends in one of them, in a request or by a timeout. So its span's id is derived from the run's, and the
span is reported at the end; its trace is stored with the run.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aasim_core.data.records import database_of, find_or_none

from ..models import Execution, ToolCall
from .sources import Awaited, ToolUse
from .toolbox import BoundTool

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.events.records import EventRow


def of_run(app: "App", execution: Execution) -> AbstractContextManager[None]:
    """The block in which the run is worked on."""
    return app.spans.scope_of(execution.id, execution.traceparent)


def tell_of_end(app: "App") -> "Callable[[EventRow], None]":
    """Return the listener that reports an ended run after the commit."""

    def listen(event: "EventRow") -> None:
        if app.spans.here() and (execution := find_or_none(Execution, event.subject_id or "")) is not None:
            database_of(Execution).current_transaction().after_commit.append(lambda: _tell(app, execution))

    return listen


def _tell(app: "App", execution: Execution) -> None:
    times = _nanoseconds(execution.started_at or execution.created_at), _nanoseconds(execution.finished_at)
    facts = {
        "execution_id": execution.id,
        "kind": execution.kind,
        "subject_id": execution.subject_id,
        "version": execution.subject_version,
        "status": execution.status,
        "trigger": execution.trigger_type,
        "attempt": execution.attempt,
        "project_id": execution.project_id,
        "parent_id": execution.parent_id,
        "input_tokens": execution.input_tokens,
        "output_tokens": execution.output_tokens,
        "model": execution.model,
    }
    name = execution.label or execution.kind
    app.spans.tell("run", name, execution.id, execution.traceparent, times, facts, execution.error_code)


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1000


def called(app: "App", bound: BoundTool, row: ToolCall, use: ToolUse) -> Any:
    """What the tool answers, called within a span of its own."""
    facts: dict[str, Any] = {
        "call_id": row.call_id,
        "ref": bound.ref,
        "effect": bound.tool.effect,
        "execution_id": use.execution_id,
    }
    with app.spans.begin("tool", row.name, **facts) as span:
        span.say(arguments=use.arguments)
        value = bound.call(app, use)
        if not isinstance(value, Awaited):
            span.say(result=value)
        return value
