"""Continue a run from outside: at a due time, on arrivals, or on request."""

from functools import partial

from aasim_core.data.records import database_of
from aasim_core.ids import new_id

from ..kernel import events
from ..kernel.state import RUN, Arrival, next_due
from ..models import Execution
from . import rows, slots, stored_run
from .slot_records import TicketRow
from .stored_run import StoredRun, look_at

#: What a run as a whole looks for again; its time to begin and its admission come by themselves.
_LOOKED_FOR = frozenset({"approval", "child", "event"})


def tick(execution_id: str) -> None:
    """Send an execution the time of the clock by which jobs are due; it ends, times out or continues if one of its times has come."""
    with database_of(Execution).transaction():
        if (stored := StoredRun.find(execution_id)) is None:
            return
        stored.apply(events.Tick(rows.milliseconds(database_of(Execution).time()) or 0))
        if (due := next_due(stored.state)) is not None:  # the job may have come for a time that counts no more
            look_at(stored.record, due)


def deliver(execution_id: str) -> None:
    """Deliver to an execution what has come for it; one that does not say what it waits for looks again, whatever has come."""
    database_of(Execution).attempt(partial(_deliver, execution_id))


def _deliver(execution_id: str) -> None:
    if (stored := StoredRun.find(execution_id)) is None:
        return
    found = rows.undelivered(stored.record)
    rows.mark_delivered(stored.record, found)
    stored.apply(events.Delivered(tuple(found)))
    if (wait := stored.state.waits.get(RUN)) is not None and not wait.correlation:
        wake(stored)


def settle(key: str, ticket_id: str | None) -> None:
    """Settle an admission key: the ticket, if one is named, and due slots."""
    with database_of(Execution).transaction():
        slots.settle(key, ticket_id, StoredRun.find)


def settle_all() -> None:
    """Settle each key of the organization: a worker of the previous release releases nothing, and no other request may come."""
    for row in list(TicketRow.select(TicketRow.key).distinct()):
        settle(row.key, None)


def cancel(execution_id: str, reason: str, grace_seconds: int) -> None:
    """Cancel an execution that has to make room for others; nothing happens to one that has ended."""
    with database_of(Execution).transaction():
        if (stored := StoredRun.find(execution_id)) is not None:
            stored_run.cancel(stored.record, reason, grace_seconds * 1000)


def lock_waiting(execution_id: str) -> None:
    """Lock the execution's wait until the running transaction ends; otherwise waiting and resuming could miss each other."""
    database_of(Execution).lock(f"executions/waiting/{execution_id}")


def wake(stored: StoredRun) -> None:
    """Let a run look again for what it waits for as a whole; nothing happens to one that does not."""
    if (wait := stored.state.waits.get(RUN)) is not None and wait.kind in _LOOKED_FOR:
        stored.apply(events.Delivered((Arrival(new_id("wake"), wait.kind, wait.correlation, rows.present()),)))
