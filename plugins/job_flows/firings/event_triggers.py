"""Event triggers: each matching event fires a flow once, except events that the flow itself has caused."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aasim_core.events.facts import is_meant, seen_by_expressions
from aasim_core.events.patterns import is_any, matches
from aasim_core.events.records import EventRow
from aasim_core.tenancy.organization_state import cached

from ..models import ACTIVE, BY_EVENT, DISABLED, LISTENING, PENDING, SKIPPED, Firing, JobFlow
from .causes import Cause, cause_of_event, write_caused

if TYPE_CHECKING:
    from aasim_core.app import App

#: What a filter can name.
NAMES = ("event",)
#: Why nothing starts: the filter says neither yes nor no.
NO_VERDICT = "filter_has_no_value"


def is_wanted(app: "App") -> Callable[[EventRow], bool]:
    """Makes the predicate of whether a flow of the event's organization is for such events."""
    patterns = cached(app.organization_states, _patterns)
    return lambda event: is_any(patterns(), event.name)


def _patterns() -> frozenset[str]:
    return frozenset(str(flow.listens_to) for flow in JobFlow.select(JobFlow.listens_to).where(LISTENING))


def fan_out(app: "App", event: EventRow) -> None:
    """Make a firing for each flow that the event is for, in the running transaction."""
    declared = app.events.get(event.name)
    told = seen_by_expressions(event, declared.version if declared else 1)
    cause: Cause | None = None
    for flow in JobFlow.select().where(LISTENING, JobFlow.status != DISABLED).order_by(JobFlow.id):
        if not matches(str(flow.listens_to), event.name) or (verdict := _verdict_on(told, flow)) is False:
            continue
        cause = cause_of_event(app, event) if cause is None else cause
        outcome, reason = _outcome(flow, verdict)
        firing = Firing(
            organization_id=flow.organization_id, flow_id=flow.id, key=event.id, origin=BY_EVENT, due_at=event.at, starts_at=event.at,
            outcome=outcome, reason=reason, payload={"event": told},
        )  # fmt: skip
        write_caused(app, flow, firing, cause)


def _verdict_on(event: Mapping[str, Any], flow: JobFlow) -> bool | None:
    """What the flow's filter says of the event; None where it says neither yes nor no."""
    expression = flow.trigger["filter"]
    if expression is None:
        return True
    try:
        return is_meant(event, expression)
    except ValueError:
        return None


def _outcome(flow: JobFlow, verdict: bool | None) -> tuple[str, str | None]:
    if flow.status != ACTIVE:
        return SKIPPED, flow.status
    return (PENDING, None) if verdict else (SKIPPED, NO_VERDICT)
