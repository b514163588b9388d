"""Deliver events to runs that wait for them, including those emitted before the wait was registered.

Whether anybody waits is `cached`, so that other organizations pay nothing for it: who emits an event may learn of the first wait a
second late, and may commit later still. So a new wait looks back at once, `_LATE` after it began, and once more when all transactions of
that time have ended. An emitter that asked, stood still, and wrote its event even later asks once more (`events.delivery`). An event
found twice counts once.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aasim_core.clock import from_text, now, to_text
from aasim_core.context import current_organization
from aasim_core.data.records import database_of
from aasim_core.events.facts import is_meant, seen_by_expressions
from aasim_core.events.patterns import matches
from aasim_core.events.records import EventRow
from aasim_core.jobs.queue import enqueue
from aasim_core.tenancy import epoch
from aasim_core.tenancy.organization_state import cached

from ..models import FOR_EVENT, WITH_TOPIC, WaitRow
from . import arrivals
from .topics import Watched, topics_of, watched

if TYPE_CHECKING:
    from aasim_core.app import App

#: The job that looks for events from before a wait.
LOOK_BACK = "executions.look_back"
#: Longer than anybody takes `cached` for true.
_LATE = timedelta(seconds=2)
_AGAIN = timedelta(seconds=1)
#: How many events one job looks at.
_PAGE = 1_000


def is_any_awaited(app: "App") -> Callable[[EventRow], bool]:
    """Makes the predicate of whether a run of the event's organization may wait for events."""
    ask = cached(app.organization_states, _is_any_open)
    return lambda event: ask()


def _is_any_open() -> bool:
    return bool(WaitRow.select().where(FOR_EVENT).exists())


def tell(app: "App", event: EventRow) -> None:
    """Send the event to the runs that wait for it."""
    topics, told = topics_of(event), _Told(app)
    for found_by in ((FOR_EVENT, WaitRow.correlation.in_(topics)), (WITH_TOPIC, WaitRow.topic.in_(topics))):
        for row in WaitRow.select().where(*found_by, WaitRow.since <= event.at):
            if told.is_for(row, event):
                _send(row, event)


class _Told:
    """What filters see of an event; it is made once for all of them, and not at all where there is none."""

    def __init__(self, app: "App") -> None:
        self._app, self._seen = app, dict[str, Mapping[str, Any]]()

    def is_for(self, row: Any, event: EventRow) -> bool:
        """Whether the event, which has the topic of the wait, is for it: nothing that a run does itself, where it waits for any subject."""
        watch = watched(row.correlation)
        if watch.subject_id is None and event.subject_id == row.execution_id:
            return False
        try:
            return watch.filter is None or is_meant(self._of(event), watch.filter, watch.named)
        except ValueError:
            return False

    def _of(self, event: EventRow) -> Mapping[str, Any]:
        if event.id not in self._seen:
            declared = self._app.events.get(event.name)
            self._seen[event.id] = seen_by_expressions(event, declared.version if declared else 1)
        return self._seen[event.id]


def open_wait(execution_id: str, path: str) -> None:
    """Note that a run is about to wait for an event, in the transaction that opens the wait."""
    if not _is_any_open():
        epoch.bump(current_organization())
    enqueue(LOOK_BACK, {"execution_id": execution_id, "path": path})


def look_back(
    app: "App",
    execution_id: str,
    path: str,
    is_late: bool = False,
    going_on: str | None = None,
    after: Sequence[str] | None = None,
) -> None:
    """Send a run the event that it waits for, if that has come.

    At once that finds what came long ago; later, and when what is `going_on` then has ended, what nobody could tell. One job looks at a
    page of events; what comes `after` an event, by its time and id, is for the next one.
    """
    row = WaitRow.get_or_none(WaitRow.execution_id == execution_id, WaitRow.path == path, FOR_EVENT)
    if row is None:
        return
    payload = {"execution_id": execution_id, "path": path}
    with database_of(WaitRow).transaction():
        if after is None:
            _look_again(payload, is_late, going_on)
        watch = watched(row.correlation)
        page = _page(row, watch, after)
        if (found := _first(app, row, watch, page)) is not None:
            _send(row, found)
        elif len(page) == _PAGE:
            enqueue(LOOK_BACK, {**payload, "after": [to_text(page[-1][1]), page[-1][0]]})


def _look_again(payload: Mapping[str, Any], is_late: bool, going_on: str | None) -> None:
    database, late = database_of(WaitRow), {**payload, "is_late": True}
    if not is_late:
        enqueue(LOOK_BACK, late, run_at=now() + _LATE)
    elif going_on is None:
        enqueue(LOOK_BACK, {**late, "going_on": database.going_on()})
    elif not database.have_ended(going_on):
        enqueue(LOOK_BACK, {**late, "going_on": going_on}, run_at=now() + _AGAIN)


def _page(row: Any, watch: Watched, after: Sequence[str] | None) -> list[Any]:
    """The id, the time and the name of the next events since the wait counts, the oldest first."""
    found: Any = EventRow.select(EventRow.id, EventRow.at, EventRow.name).where(EventRow.at >= row.since)
    if watch.subject_id is not None:
        found = found.where(EventRow.subject_id == watch.subject_id)
    if after is not None:
        at, event_id = from_text(after[0]), after[1]
        found = found.where(EventRow.at >= at, (EventRow.at > at) | (EventRow.id > event_id))
    return list(found.order_by(EventRow.at, EventRow.id).limit(_PAGE).tuples())


def _first(app: "App", row: Any, watch: Watched, page: Sequence[Any]) -> EventRow | None:
    """The first of these events that is for the wait."""
    of_name = (EventRow.get_by_id(event_id) for event_id, _, name in page if matches(watch.pattern, name))
    told = _Told(app)
    return next((event for event in of_name if told.is_for(row, event)), None)


def _send(row: Any, event: EventRow) -> None:
    told: dict[str, Any] = {
        name: getattr(event, name) for name in ("id", "name", "subject_type", "subject_id", "data", "changes")
    }
    key = f"{event.id} {row.path}"
    data = {**told, "occurred_at": to_text(event.at)}
    arrivals.send(row.execution_id, "event", row.correlation, key=key, data=data, at=event.at)
