"""Find due times: each becomes exactly one firing, with any number of concurrent workers; the database's clock decides."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfoNotFoundError

from aasim_core import emit
from aasim_core.clock import now, to_text
from aasim_core.context import SYSTEM, acting_as
from aasim_core.data import records
from aasim_core.data.records import database_of
from aasim_core.errors import Refused
from aasim_core.jobs.queue import enqueue
from aasim_core.tenancy.organizations_with import organizations_with

from ..kernel import firings
from ..kernel.firings import Planned
from ..kernel.schedules import jitter
from ..models import DISABLED, NO_TIME_ZONE, PAUSED, PENDING, SCHEDULED, Firing, JobFlow
from ..recording import queue, record
from . import zones
from .rules import rules_of

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext

#: The job that looks at the flows of an organization.
LOOK = "job_flows.look"
_FLOWS_AT_ONCE = 50
#: How far clocks may differ.
_TOLERANCE = timedelta(seconds=2)


def with_due() -> list[str]:
    """The organizations that have something due. Needs a system scope."""
    at = to_text(database_of(JobFlow).time())
    return organizations_with(JobFlow, SCHEDULED, JobFlow.next_due_at <= at)


def look(app: "App", context: "JobContext") -> None:
    """Create firings for the due times of the organization in scope, and schedule the next search."""
    database = database_of(JobFlow)
    at = database.time()
    while not context.should_stop():
        if database.attempt(partial(_look_at_some, app, at)) < _FLOWS_AT_ONCE:
            with database.transaction():
                look_again()
                context.complete()
            return
    context.hand_back()


def _look_at_some(app: "App", at: datetime) -> int:
    """Create the firings of some flows that are due; returns the number of the flows. Needs a transaction."""
    due = list(_due(at).limit(_FLOWS_AT_ONCE))
    queue([firing for flow in due for firing in _advance(app, flow, at)])
    return len(due)


def _due(at: datetime) -> Any:
    due = JobFlow.select().where(SCHEDULED, JobFlow.next_due_at <= at)
    return due.order_by(JobFlow.next_due_at, JobFlow.id)


def look_again() -> None:
    """Have a look at the first time that comes due in the organization in scope. Needs a transaction.

    Where this machine's clock is ahead of the database's by more than a little, what looks every minute is left to do so: a job of
    now would be done at once, again and again.
    """
    first = JobFlow.select(JobFlow.next_due_at).where(SCHEDULED).order_by(JobFlow.next_due_at).first()
    ahead = now() - database_of(JobFlow).time()
    if first is not None and ahead < _TOLERANCE:
        look_at(first.next_due_at + max(ahead, timedelta()))


def look_at(moment: datetime | None) -> None:
    """Have a look at that moment; of several, the earliest is waited for. Needs a transaction."""
    if moment is not None:
        with acting_as(SYSTEM):
            enqueue(LOOK, {}, run_at=moment, unique_key="look")


def next_due_of(app: "App", flow: JobFlow, after: datetime) -> dict[str, Any]:
    """The columns that say when the flow is due next, after the moment."""
    timezone = flow.trigger.get("timezone")
    return {
        "treated_until": after,
        "next_due_at": None if flow.status == DISABLED else rules_of(app, flow).schedule.next_due(after),
        "timezone": timezone,
        "zone_digest": zones.digest_of(timezone) if timezone else None,
    }


def treat(app: "App", flow: JobFlow, at: datetime) -> list[Firing] | None:
    """Make firings of all due times up to the moment as the flow is now; None if somebody else has done so since it was read.

    Returns those that are to be queued. Needs a transaction. More than `kernel.firings.MOST_AT_ONCE` are left to the next look.
    """
    seen = {"treated_until": flow.treated_until, "version": flow.version}
    found = firings.look(rules_of(app, flow), flow.treated_until, at)
    changes = {"treated_until": found.treated_until, "next_due_at": found.next_due_at}
    if not records.compare_and_set(flow, seen, {**changes, "version": flow.version}):
        return None
    return _write(flow, found.planned)


def treat_all(app: "App", flow: JobFlow, at: datetime) -> None:
    """The same, until all are treated and nobody else treats any before the running transaction ends.

    A flow that is due no more has none. Raises Refused ``version_conflict`` where somebody has changed the flow since it was read.
    """
    while flow.next_due_at is not None:
        written = treat(app, flow, at)
        if written is None:
            _read_again(flow)
        else:
            queue(written)
            if flow.next_due_at is None or flow.next_due_at > at:
                return


def _read_again(flow: JobFlow) -> None:
    current: JobFlow = records.find(JobFlow, flow.id)
    if current.version != flow.version:
        raise Refused("version_conflict", "Somebody else changed this object meanwhile; read it again and repeat the change.")
    flow.treated_until, flow.next_due_at = current.treated_until, current.next_due_at


def _advance(app: "App", flow: JobFlow, at: datetime) -> list[Firing]:
    try:
        return treat(app, flow, at) or []
    except ZoneInfoNotFoundError:
        flow.write_status(PAUSED, NO_TIME_ZONE, next_due_at=None)
        return []


def _write(flow: JobFlow, planned: Sequence[Planned]) -> list[Firing]:
    written = record(flow.id, [_firing_of(flow, one) for one in firings.folded(planned)])
    missed = [one for one in planned if one.outcome == "missed"]
    if missed:
        told = {"count": len(missed), "first_due_at": to_text(missed[0].at), "last_due_at": to_text(missed[-1].at)}
        emit("job_flows.missed", flow, data=told)
    return written


def _firing_of(flow: JobFlow, one: Planned) -> Firing:
    return Firing(
        organization_id=flow.organization_id,
        flow_id=flow.id,
        key=to_text(one.at),
        due_at=one.at,
        starts_at=one.at + jitter(flow.id, one.at, flow.jitter_seconds),
        marks=list(one.marks),
        outcome=PENDING if one.outcome == "start" else one.outcome,
        reason=one.reason,
        count=one.count,
        last_due_at=one.last_at,
    )
