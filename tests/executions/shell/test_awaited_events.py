"""A run that waits for an event gets it, in whatever order the two come."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.records import insert_rows
from aasim_core.events import delivery
from aasim_core.events.log import Subject, emit
from aasim_core.events.records import EventRow
from aasim_core.ids import new_id
from aasim_core.testing.selection import only
from aasim_core.testing.statements import analyze, plan_of, recorded
from aasim_core.testing.world import Person
from aasim_core.worker.runner import work_off
from aasim_plugins.executions.kernel.events import Claimed, TurnEnded, WaitRegistered
from aasim_plugins.executions.kernel.state import Wait
from aasim_plugins.executions.models import ArrivalRow, WaitRow
from aasim_plugins.executions.shell import awaited_events
from aasim_plugins.executions.shell.rows import milliseconds
from aasim_plugins.executions.shell.stored_run import StoredRun
from aasim_plugins.executions.shell.topics import LONGEST, correlation_of

from ..passing_time import make_due
from ..test_waiting_runs import PLUGINS

NAME, SUBJECT = "executions.signalled", "order-7"
EXACT = correlation_of(NAME, SUBJECT)


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Any kind of run."""
    return only(["expeditions"], PLUGINS)


@pytest.fixture
def run(owner: Person) -> str:
    """A run that has not begun."""
    return str(owner.client.post("/expeditions", {"input": 0}).data["id"])


def begin_to_wait(app: App, owner: Person, run: str, since: Any = None, correlation: str = EXACT) -> None:
    """Let the run wait for the event, in a transaction of its own."""
    wait = Wait("event", correlation, milliseconds(since or now() - timedelta(hours=1)) or 0)
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


@pytest.mark.long
def test_an_event_that_came_before_the_wait_ends_it(app: App, owner: Person, run: str) -> None:
    happen(app, owner)
    begin_to_wait(app, owner, run)
    assert has_come(app, owner)


def test_an_event_that_comes_after_the_wait_has_begun_ends_it(app: App, owner: Person, run: str) -> None:
    begin_to_wait(app, owner, run)
    assert not has_come(app, owner)
    app.organization_states.forget(owner.organization_id)  # as a second later
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


def test_an_event_whose_emitter_stood_still_after_it_asked_who_waits_is_not_missed(
    app: App, owner: Person, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TRUSTED_SECONDS", 0)  # as if it had stood still for longer
    with asked_in_vain(app, owner):
        begin_to_wait(app, owner, run)
        assert not has_come(app, owner)
    assert has_come(app, owner)


MEANS = 'event.data.name == "paid" && event.subject.id == wanted'
FOR_IT = (
    correlation_of("*", SUBJECT),
    correlation_of("executions.*", SUBJECT),
    correlation_of("*.signalled", None),
    correlation_of("executions.*", None, MEANS, {"wanted": SUBJECT}),
    correlation_of(NAME, SUBJECT, "event.changes == {}"),
)
NOT_FOR_IT = (
    correlation_of("agents.*", None),
    correlation_of("executions.*", "order-8"),
    correlation_of("executions.*", None, MEANS, {"wanted": "order-8"}),
    correlation_of(NAME, SUBJECT, "event.data.amount > 10"),  # which has no value
    correlation_of(NAME, SUBJECT, "event.data.name"),  # which is neither true nor false
)


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(
    ("correlation", "is_meant"), [*((each, True) for each in FOR_IT), *((each, False) for each in NOT_FOR_IT)]
)
def test_a_wait_is_for_the_events_of_its_pattern_subject_and_filter(
    app: App, owner: Person, run: str, correlation: str, is_meant: bool, is_before: bool
) -> None:
    if is_before:
        happen(app, owner)
    begin_to_wait(app, owner, run, correlation=correlation, since=None if is_before else now())
    if not is_before:
        work_off(app)  # it looks back, in vain
        app.organization_states.forget(owner.organization_id)
        happen(app, owner)
    assert has_come(app, owner) == is_meant


def test_what_a_run_does_itself_ends_no_wait_for_any_subject(app: App, owner: Person, run: str) -> None:
    begin_to_wait(app, owner, run, correlation=correlation_of("executions.*", None))
    app.organization_states.forget(owner.organization_id)
    happen(app, owner, run)
    assert not has_come(app, owner)
    happen(app, owner, "another")
    assert has_come(app, owner)


@pytest.mark.long
def test_an_event_finds_its_waits_by_their_indexes(app: App, owner: Person, run: str) -> None:
    begin_to_wait(app, owner, run)
    with organization_scope(owner.organization_id), app.database.transaction():
        row = WaitRow.get().row()
        others = [(correlation_of("teams.*", f"team_{n}"), None) for n in range(2_000)]
        others += [(correlation_of(NAME, f"order-{n}", "true"), f"{NAME}/order-{n}") for n in range(100, 2_100)]
        rows = [{**row, "path": f"p[{n}]", "correlation": each, "topic": topic} for n, (each, topic) in enumerate(others)]
        insert_rows(WaitRow, rows)
    analyze(app.settings.database.url)
    happen(app, owner)
    with organization_scope(owner.organization_id), app.database.transaction():
        with recorded(app.database) as sent:
            awaited_events.tell(app, EventRow.get(EventRow.subject_id == SUBJECT))
        plans = [plan_of(app.database, each) for each in sent if 'FROM "executions_wait"' in each.sql]
    assert ["executions_wait_event" in plans[0], "executions_wait_topic" in plans[1]] == [True, True], plans
    assert not any("Seq Scan" in plan or "SCAN" in plan for plan in plans), plans


def test_the_longest_correlation_fits_into_the_index(app: App, owner: Person, run: str) -> None:
    random = "".join(chr(each) for each in Random(1).choices(range(0x4E00, 0x9FFF), k=700))  # noqa: S311 - no secret
    with pytest.raises(ValueError, match="has more than 2400 bytes"):
        correlation_of("*", None, "true", {"x": random + "x" * 300})
    longest = correlation_of("*", None, "true", {"x": random + "x" * (LONGEST - 2_100 - 21)})
    assert len(longest.encode()) == LONGEST
    begin_to_wait(app, owner, run, correlation=longest)
    happen(app, owner)
    assert has_come(app, owner)


@pytest.mark.long
def test_what_came_long_before_is_looked_for_in_pages(app: App, owner: Person, run: str) -> None:
    others = [
        EventRow(
            id=new_id("evt"), organization_id=owner.organization_id, at=now() - timedelta(minutes=5), actor_type="system",
            actor_label="", name="executions.started", subject_type="execution", subject_id=SUBJECT, subject_label="it",
        ).row()
        for _ in range(2_050)
    ]  # fmt: skip
    with organization_scope(owner.organization_id), app.database.transaction():
        insert_rows(EventRow, others)
    happen(app, owner)
    begin_to_wait(app, owner, run, correlation=correlation_of("*.signalled", None))
    with recorded(app.database) as sent:
        assert has_come(app, owner)
    reading = [each for each in sent if 'FROM "core_event"' in each.sql and "LIMIT" in each.sql]
    assert len(reading) >= 3  # of a thousand each


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

    def write(stop: Callable[[], None]) -> None:
        event = EventRow(
            id=new_id("evt"), organization_id=owner.organization_id, at=now(), actor_type="system", actor_label="", name=NAME,
            subject_type="execution", subject_id=SUBJECT, subject_label="it",
        )  # fmt: skip
        insert_rows(EventRow, [event.row()])
        assert EventRow.select().where(EventRow.id == event.id).exists()  # which also writes it
        stop()

    with stopped(app, owner, write):
        yield


@contextmanager
def asked_in_vain(app: App, owner: Person) -> Iterator[None]:
    """An event of which another connection has asked who waits, and which it writes and commits at the end of the block."""

    def ask(stop: Callable[[], None]) -> None:
        app.database.current_transaction().at_end["stop"] = stop
        emit(NAME, Subject("execution", SUBJECT, "it"), data={"name": "paid", "correlation": ""})

    with stopped(app, owner, ask):
        yield


@contextmanager
def stopped(app: App, owner: Person, work: Callable[[Callable[[], None]], None]) -> Iterator[None]:
    """Another connection's transaction in which the work, or its end, calls what it is given: that returns at the end of the block."""
    stands, may_go = threading.Event(), threading.Event()

    def stop() -> None:
        stands.set()
        assert may_go.wait(60)

    def run() -> None:
        with app.database.connected(), organization_scope(owner.organization_id), app.database.transaction():
            work(stop)

    thread = threading.Thread(target=run)
    thread.start()
    assert stands.wait(60)
    try:
        yield
    finally:
        may_go.set()
        thread.join()
