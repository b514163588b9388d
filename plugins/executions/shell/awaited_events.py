"""Events that runs wait for: those that come, and those that came before anybody could tell.

Whether anybody waits is `remembered`, so that other organizations pay nothing for it: who emits an event may learn of the first wait a
second late, and may commit later still. So a new wait looks back at once, `_LATE` after it began, and once more when everything has ended
that was going on then. What is found twice counts once.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aasim_core.access import epoch
from aasim_core.access.pulse import remembered
from aasim_core.clock import now, to_text
from aasim_core.context import current_organization
from aasim_core.data.records import database_of
from aasim_core.events.log import EventRow
from aasim_core.jobs.queue import enqueue

from ..models import FOR_EVENT, WaitRow
from . import arrivals

if TYPE_CHECKING:
    from aasim_core.app import App

#: The job that looks for events from before a wait.
LOOK_BACK = "executions.look_back"
#: Longer than anybody takes `remembered` for true.
_LATE = timedelta(seconds=2)
_AGAIN = timedelta(seconds=1)


def correlation_of(name: str, subject_id: str) -> str:
    """What an event and the wait for it have in common."""
    return f"{name}/{subject_id}"


def is_any_awaited(app: "App") -> Callable[[EventRow], bool]:
    """Makes the predicate of whether a run of the event's organization may wait for events."""
    ask = remembered(app, _is_any_open)
    return lambda event: ask()


def _is_any_open() -> bool:
    return bool(WaitRow.select().where(FOR_EVENT).exists())


def tell(event: EventRow) -> None:
    """Send the event to the runs that wait for it."""
    correlation = correlation_of(event.name, event.subject_id or "")
    for row in WaitRow.select().where(FOR_EVENT, WaitRow.correlation == correlation, WaitRow.since <= event.at):
        _send(row, event)


def open_wait(execution_id: str, path: str) -> None:
    """Note that a run is about to wait for an event, in the transaction that opens the wait."""
    if not _is_any_open():
        epoch.bump(current_organization())
    enqueue(LOOK_BACK, {"execution_id": execution_id, "path": path})


def look_back(execution_id: str, path: str, is_late: bool = False, going_on: str | None = None) -> None:
    """Send a run the event that it waits for, if that has come.

    At once that finds what came long ago; later, and when what is `going_on` then has ended, what nobody could tell.
    """
    row = WaitRow.get_or_none(WaitRow.execution_id == execution_id, WaitRow.path == path, FOR_EVENT)
    if row is None:
        return
    database, payload = database_of(WaitRow), {"execution_id": execution_id, "path": path, "is_late": True}
    with database.transaction():
        if not is_late:
            enqueue(LOOK_BACK, payload, run_at=now() + _LATE)
        elif going_on is None:
            enqueue(LOOK_BACK, {**payload, "going_on": database.going_on()})
        elif not database.have_ended(going_on):
            enqueue(LOOK_BACK, {**payload, "going_on": going_on}, run_at=now() + _AGAIN)
        for event in _past(row):
            _send(row, event)


def _past(row: Any) -> Iterable[EventRow]:
    name, _, subject_id = row.correlation.partition("/")
    found = EventRow.select().where(EventRow.subject_id == subject_id, EventRow.name == name, EventRow.at >= row.since)
    return found.order_by(EventRow.at, EventRow.id).limit(1)


def _send(row: Any, event: EventRow) -> None:
    told: dict[str, Any] = {
        name: getattr(event, name) for name in ("id", "name", "subject_type", "subject_id", "data", "changes")
    }
    at: datetime = event.at
    key = f"{event.id} {row.path}"
    arrivals.send(row.execution_id, "event", row.correlation, key=key, data={**told, "occurred_at": to_text(at)}, at=at)
