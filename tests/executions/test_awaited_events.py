"""A run that waits for an event gets it, in whatever order the two come."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.records import insert_rows
from aasim_core.events.log import EventRow, Subject, emit
from aasim_core.ids import new_id
from aasim_core.jobs.runner import work_off
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person
from aasim_plugins.executions.kernel.events import Claimed, TurnEnded, WaitRegistered
from aasim_plugins.executions.kernel.state import Wait
from aasim_plugins.executions.models import ArrivalRow
from aasim_plugins.executions.shell import awaited_events
from aasim_plugins.executions.shell.rows import milliseconds
from aasim_plugins.executions.shell.stored_run import StoredRun

from .test_moving_tools import make_due
from .test_waiting_runs import PLUGINS

NAME, SUBJECT = "executions.signalled", "order-7"


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Any kind of run."""
    return only(["expeditions"], PLUGINS)


@pytest.fixture
def run(owner: Person) -> str:
    """A run that has not begun."""
    return str(owner.client.post("/expeditions", {"input": 0}).data["id"])


def begin_to_wait(app: App, owner: Person, run: str, since: Any = None) -> None:
    """Let the run wait for the event, in a transaction of its own."""
    wait = Wait("event", awaited_events.correlation_of(NAME, SUBJECT), milliseconds(since or now() - timedelta(hours=1)) or 0)
    with organization_scope(owner.organization_id), app.database.transaction():
        stored = StoredRun.find(run)
        assert stored is not None
        awaited_events.open_wait(run, "it")
        stored.apply(Claimed(1), WaitRegistered(1, "it", wait), TurnEnded(1))


def happen(app: App, owner: Person, subject_id: str = SUBJECT) -> None:
    """Let the event happen, in a transaction of its own."""
    with organization_scope(owner.organization_id), app.database.transaction():
        emit(NAME, Subject("execution", subject_id, "it"), data={"name": "paid", "correlation": ""})


def has_come(app: App, owner: Person) -> bool:
    """Whether the event has ended the wait, after everything is done that is due, or will be within seconds."""
    for _ in range(4):
        make_due(app)
        work_off(app)
    with organization_scope(owner.organization_id):
        return bool(ArrivalRow.select().where(ArrivalRow.path == "it").exists())


def test_an_event_that_came_before_the_wait_ends_it(app: App, owner: Person, run: str) -> None:
    happen(app, owner)
    begin_to_wait(app, owner, run)
    assert has_come(app, owner)


def test_an_event_that_comes_after_the_wait_has_begun_ends_it(app: App, owner: Person, run: str) -> None:
    begin_to_wait(app, owner, run)
    assert not has_come(app, owner)
    app.pulse.forget(owner.organization_id)  # as a second later
    happen(app, owner)
    assert has_come(app, owner)


def test_an_event_about_something_else_ends_no_wait(app: App, owner: Person, run: str) -> None:
    begin_to_wait(app, owner, run)
    happen(app, owner, "order-8")
    assert not has_come(app, owner)


def test_an_event_from_before_the_time_that_counts_ends_no_wait(app: App, owner: Person, run: str) -> None:
    happen(app, owner)
    begin_to_wait(app, owner, run, since=now() + timedelta(seconds=1))
    assert not has_come(app, owner)


def test_an_event_whose_emitter_did_not_know_of_the_wait_is_found_a_little_later(app: App, owner: Person, run: str) -> None:
    begin_to_wait(app, owner, run)
    work_off(app)  # it looks back at once, in vain
    with written_unawares(app, owner):
        pass
    assert has_come(app, owner)


@pytest.mark.postgres
@pytest.mark.long
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)  # on SQLite whoever writes is alone
def test_an_event_that_is_committed_long_after_the_wait_has_begun_is_found(app: App, owner: Person, run: str) -> None:
    with written_unawares(app, owner):
        begin_to_wait(app, owner, run)
        assert not has_come(app, owner)
    assert has_come(app, owner)


@contextmanager
def written_unawares(app: App, owner: Person) -> Iterator[None]:
    """An event that another connection has written without asking who waits, and commits at the end of the block."""
    written, may_commit = threading.Event(), threading.Event()

    def write() -> None:
        with app.database.connected(), organization_scope(owner.organization_id), app.database.transaction():
            event = EventRow(
                id=new_id("evt"), organization_id=owner.organization_id, at=now(), actor_type="system", actor_label="", name=NAME,
                subject_type="execution", subject_id=SUBJECT, subject_label="it",
            )  # fmt: skip
            insert_rows(EventRow, [event.row()])
            assert EventRow.select().where(EventRow.id == event.id).exists()  # which also writes it
            written.set()
            assert may_commit.wait(60)

    thread = threading.Thread(target=write)
    thread.start()
    assert written.wait(60)
    try:
        yield
    finally:
        may_commit.set()
        thread.join()
