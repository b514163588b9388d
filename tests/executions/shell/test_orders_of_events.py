"""A run that waits for an event is woken by it once, in every order of the steps of its own transactions and of the emitter's."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.records import insert_rows
from aasim_core.events.records import EventRow
from aasim_core.ids import new_id
from aasim_core.tenancy import epoch
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person
from aasim_core.worker.runner import work_off
from aasim_plugins.executions.hookspecs import Finished, Run
from aasim_plugins.executions.models import ArrivalRow
from aasim_plugins.executions.shell import awaited_events
from aasim_plugins.executions.shell.topics import correlation_of

from ..test_waiting_runs import PLUGINS
from ..tools.test_moving_tools import make_due
from .conftest import Begin
from .interleaving import Side, interleave, orders
from .test_awaited_events import NAME, begin_to_wait, happen

#: What the last statements of steps have in them, of the transaction that begins to wait and of the emitter's.
_WAITS = ('UPDATE "core_organization"', 'INSERT INTO "executions_wait"')
_EMITS = ("BEGIN", 'INSERT INTO "core_event"', "SELECT EXISTS")
_SENDS = ('FROM "executions_wait"', 'INSERT INTO "executions_arrival"')
Emit = Callable[[App, Person, str], None]


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Any kind of run."""
    return only(["expeditions"], PLUGINS)


def wait(app: App, owner: Person, run: str, side: Side) -> None:
    """The run begins to wait; then a worker looks back at once, two seconds later, and when what went on then has ended."""
    begin_to_wait(app, owner, run, correlation=correlation_of(NAME, run))
    for _ in range(3):
        side.pause()
        make_due(app)
        work_off(app)


def ask(app: App, owner: Person, subject_id: str) -> None:
    """An emitter that asks who waits when its event is written."""
    with app.database.transaction():
        app.database.lock("what the event is about")
        happen(app, owner, subject_id)
        app.organization_states.forget(owner.organization_id)


def ask_no_more(app: App, owner: Person, subject_id: str) -> None:
    """An emitter that asked just before the run began to wait, and still believes the answer."""
    with app.database.transaction():
        event = EventRow(
            id=new_id("evt"), organization_id=owner.organization_id, at=now(), actor_type="system", actor_label="", name=NAME,
            subject_type="execution", subject_id=subject_id, subject_label="it",
        )  # fmt: skip
        app.database.lock("what the event is about")
        insert_rows(EventRow, [event.row()])
        EventRow.select().where(EventRow.id == event.id).exists()  # which also writes it


class Waiter:
    """A run that is about to wait for an event about itself, and notes its turns."""

    def __init__(self, app: App, owner: Person, begin: Begin) -> None:
        self._app, self._organization_id = app, owner.organization_id
        self.turns = 0
        self.id = str(begin(self._turn).id)
        with organization_scope(owner.organization_id), app.database.transaction():
            epoch.bump(owner.organization_id)  # nobody takes an earlier wait for this one
        app.organization_states.forget(owner.organization_id)

    def _turn(self, run: Run) -> Finished:
        self.turns += 1
        return Finished(None)

    def wakes(self) -> tuple[int, int]:
        """How often the event has come, and how many turns it made, when everything is done that is due or will be."""
        for _ in range(4):
            make_due(self._app)
            work_off(self._app)
        with organization_scope(self._organization_id):
            came = ArrivalRow.select().where(ArrivalRow.execution_id == self.id, ArrivalRow.kind == "event").count()
        return came, self.turns


def is_woken_once(app: App, owner: Person, begin: Begin, emit: Emit, order: str) -> bool:
    """Whether a run is woken once where it (0) and the emitter (1) do their steps in this order."""
    waiter, is_whole = Waiter(app, owner, begin), order.count("1") == 1
    waiting = Side(app, owner.organization_id, lambda side: wait(app, owner, waiter.id, side), () if is_whole else _WAITS)
    emitting = Side(app, owner.organization_id, lambda side: emit(app, owner, waiter.id), () if is_whole else _EMITS)
    interleave(order, waiting, emitting)
    return waiter.wakes() == (1, 1)


def is_in_time(order: str, emit: Emit) -> bool:
    """Whether the emitter that asks no more has written its event when the worker looks for the second time, two seconds after the wait;
    one that is later than that asks again."""
    written = [place for place, turn in enumerate(order) if turn == "1"][:2][-1]
    return emit is ask or order[:written].count("0") < order.count("0") - 1


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("emit", "steps"), [(ask, 4), (ask_no_more, 3)], ids=["asks", "asked before"])
def test_in_every_order_of_their_statements_an_event_wakes_the_run_once(
    app: App, owner: Person, begin: Begin, emit: Emit, steps: int
) -> None:
    tried = [order for order in orders(6, steps) if is_in_time(order, emit)]
    assert [order for order in tried if not is_woken_once(app, owner, begin, emit, order)] == []


@pytest.mark.long
@pytest.mark.parametrize("emit", [ask, ask_no_more], ids=["asks", "asked before"])
def test_in_every_order_of_their_transactions_an_event_wakes_the_run_once(
    app: App, owner: Person, begin: Begin, emit: Emit
) -> None:
    tried = [order for order in orders(4, 1) if is_in_time(order, emit)]
    assert [order for order in tried if not is_woken_once(app, owner, begin, emit, order)] == []


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize("order", list(orders(3, 3)))
def test_who_delivers_the_event_and_who_looks_back_wake_the_run_once_together(
    app: App, owner: Person, begin: Begin, order: str
) -> None:
    waiter = Waiter(app, owner, begin)
    begin_to_wait(app, owner, waiter.id, correlation=correlation_of(NAME, waiter.id))
    happen(app, owner, waiter.id)

    def deliver(side: Side) -> None:
        with app.database.transaction():
            awaited_events.tell(app, EventRow.get(EventRow.subject_id == waiter.id, EventRow.name == NAME))

    telling = Side(app, owner.organization_id, deliver, _SENDS)
    looking = Side(app, owner.organization_id, lambda side: awaited_events.look_back(app, waiter.id, "it", is_late=True), _SENDS)
    interleave(order, telling, looking)
    assert waiter.wakes() == (1, 1)
