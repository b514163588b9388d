"""Event triggers: each matching event fires a flow once, except events that the flow itself has caused."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core.context import SYSTEM, acting_as
from aasim_core.data.records import find_or_none
from aasim_core.events.facts import is_meant, seen_by_expressions
from aasim_core.events.patterns import is_any, matches
from aasim_core.events.records import EventRow
from aasim_core.tenancy.organization_state import cached

from ...executions.models import Execution
from ..models import ACTIVE, BY_EVENT, DISABLED, LISTENING, PENDING, SKIPPED, WITH_RUN, Firing, JobFlow
from ..recording import write

if TYPE_CHECKING:
    from aasim_core.app import App

#: What a filter can name.
NAMES = ("event",)
#: Why nothing starts: the flow has led to the event itself; the filter says neither yes nor no.
LOOP, NO_VERDICT = "loop", "filter_has_no_value"
_LONGEST_CHAIN = 10


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
    chain: Sequence[str] | None = None
    for flow in JobFlow.select().where(LISTENING, JobFlow.status != DISABLED).order_by(JobFlow.id):
        if not matches(str(flow.listens_to), event.name) or (verdict := _verdict_on(told, flow)) is False:
            continue
        chain = _chain_to(event) if chain is None else chain
        outcome, reason = _outcome(flow, verdict, chain)
        firing = Firing(
            organization_id=flow.organization_id, flow_id=flow.id, key=event.id, origin=BY_EVENT, due_at=event.at, starts_at=event.at,
            outcome=outcome, reason=reason, payload={"event": told}, chain=list(chain),
        )  # fmt: skip
        with acting_as(SYSTEM):
            write(flow, firing)


def _verdict_on(event: Mapping[str, Any], flow: JobFlow) -> bool | None:
    """What the flow's filter says of the event; None where it says neither yes nor no."""
    expression = flow.trigger["filter"]
    if expression is None:
        return True
    try:
        return is_meant(event, expression)
    except ValueError:
        return None


def _outcome(flow: JobFlow, verdict: bool | None, chain: Sequence[str]) -> tuple[str, str | None]:
    if flow.id in chain or len(chain) >= _LONGEST_CHAIN:
        return SKIPPED, LOOP
    if flow.status != ACTIVE:
        return SKIPPED, flow.status
    return (PENDING, None) if verdict else (SKIPPED, NO_VERDICT)


def _chain_to(event: EventRow) -> list[str]:
    """The flows that have led to the event, the first one first: by the request that it belongs to, or by what it is about."""
    cause = _cause_of(event)
    return [] if cause is None else [*cause.chain, cause.flow_id]


def _cause_of(event: EventRow) -> Firing | None:
    """Return the firing in whose run the event happened, or whose run or flow it is about."""
    mine: Any = Firing.select()
    if (event.request_id or "").startswith("firing_"):
        mine = mine.where(Firing.id == event.request_id)
    elif event.subject_type == "execution":
        run: Execution | None = find_or_none(Execution, event.subject_id or "")
        mine = mine.where(WITH_RUN, Firing.execution_id.in_([event.subject_id, run and run.root_id]))
    elif event.subject_type == "flow":
        mine = mine.where(Firing.flow_id == event.subject_id).order_by(Firing.due_at.desc(), Firing.id.desc())
    else:
        return None
    found: Firing | None = mine.first()
    return found
