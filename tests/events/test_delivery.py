"""Listeners that react after the commit: each is called in a transaction of its own, in the event's organization."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.context import EVERY_ORGANIZATION, current_organization, organization_scope, system_scope
from aasim_core.errors import Refused
from aasim_core.events.declarations import Event, Listener
from aasim_core.events.log import Deliveries, Subject, emit
from aasim_core.events.records import EventRow
from aasim_core.jobs.queue import enqueue
from aasim_core.jobs.records import JobRow
from aasim_core.testing.selection import only
from aasim_core.testing.world import World
from aasim_core.worker.runner import work_off


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """The dummy is on, whose listener enqueues a job for each greeting."""
    return only(["dummy"], Path(__file__).parents[1])


def states(name: str) -> list[str]:
    """The states of the jobs of that name."""
    with system_scope("look at jobs in a test"):
        return [row.state for row in JobRow.select().where(JobRow.name == name)]


@pytest.mark.long
def test_a_listener_writes_and_enqueues_without_opening_a_transaction(app: App, world: World) -> None:
    client = world.organization().client
    greeting = client.post("/dummy", {"name": "Ada"}).data
    work_off(app)
    assert client.get(f"/dummy/{greeting['id']}").data["answer"]
    assert states("dummy.answer") == ["done"]


def test_what_a_listener_wrote_before_it_failed_is_undone(app: App, world: World) -> None:
    world.organization().client.post("/dummy", {"name": "unlucky"})
    work_off(app)
    assert states("dummy.answer") == []
    assert states("core.deliver_event") == ["queued"]


def test_an_event_that_a_listener_does_not_want_is_no_job(app: App, world: World) -> None:
    client = world.organization().client
    client.post("/dummy", {"name": "farewell"})
    assert states("core.deliver_event") == []
    client.post("/dummy", {"name": "Ada"})
    assert states("core.deliver_event") == ["queued"]


def test_whether_it_is_wanted_is_asked_in_the_scope_of_the_events_organization(app: App, world: World) -> None:
    organization_id, asked = world.organization().organization_id, []

    def wanted(event: EventRow) -> bool:
        asked.append(current_organization())
        return False

    deliveries = Deliveries(
        {"dummy.created": Event("dummy.created", "")}, {"dummy/late": Listener("dummy.*", print, wanted=wanted)}
    )
    with system_scope("emit an event in a test"), app.database.transaction() as transaction:
        emit("dummy.created", Subject("dummy_greeting", None, "Ada"), organization_id=organization_id)
        assert deliveries.write(transaction) == []
        transaction.events.clear()
    assert asked == [organization_id]


@pytest.mark.parametrize(("is_on", "is_done", "delivered"), [(True, True, 0), (True, False, 1), (False, True, 1)])
def test_what_a_listener_has_done_at_once_is_not_delivered(
    app: App, world: World, *, is_on: bool, is_done: bool, delivered: int
) -> None:
    done: list[str] = []

    def at_once(event: EventRow) -> bool:
        done.append(event.id)
        return is_done

    listeners = {"dummy/late": Listener("dummy.*", print, at_once=at_once)}
    deliveries = Deliveries({"dummy.created": Event("dummy.created", "")}, listeners, lambda organization_id, plugin: is_on)
    with organization_scope(world.organization().organization_id), app.database.transaction() as transaction:
        event = emit("dummy.created", Subject("dummy_greeting", None, "Ada"))
        assert len(deliveries.write(transaction)) == delivered
        transaction.events.clear()
    assert done == ([event.id] if is_on else [])


def test_what_decides_on_a_delivery_emits_nothing(app: App, world: World) -> None:
    def at_once(event: EventRow) -> bool:
        return bool(emit("dummy.created", Subject("dummy_greeting", None, "Bea")))

    deliveries = Deliveries(
        {"dummy.created": Event("dummy.created", "")}, {"dummy/late": Listener("dummy.*", print, at_once=at_once)}
    )
    with organization_scope(world.organization().organization_id), app.database.transaction() as transaction:
        emit("dummy.created", Subject("dummy_greeting", None, "Ada"))
        with pytest.raises(RuntimeError, match="was emitted by wanted or at_once"):
            deliveries.write(transaction)
        transaction.events.clear()


def test_an_event_of_no_organization_is_not_asked_about_and_not_delivered(app: App) -> None:
    deliveries = Deliveries(
        {"dummy.created": Event("dummy.created", "")},
        {"dummy/late": Listener("dummy.*", print, wanted=lambda event: bool(current_organization()))},
    )
    with system_scope("emit an event in a test"), app.database.transaction() as transaction:
        emit("dummy.created", Subject("dummy_greeting", None, "Ada"), organization_id=EVERY_ORGANIZATION)
        assert deliveries.write(transaction) == []
        transaction.events.clear()


def test_an_exception_of_the_predicate_refuses_the_change(app: App, world: World) -> None:
    organization_id = world.organization().organization_id
    deliveries = Deliveries({"dummy.created": Event("dummy.created", "")}, {"dummy/late": Listener("dummy.*", print, wanted=len)})
    with organization_scope(organization_id), app.database.transaction() as transaction:
        emit("dummy.created", Subject("dummy_greeting", None, "Ada"))
        with pytest.raises(TypeError, match="EventRow"):
            deliveries.write(transaction)
        transaction.events.clear()


@pytest.mark.parametrize(("age", "state"), [(timedelta(), "queued"), (timedelta(days=2), "failed")])
def test_a_delivery_to_a_listener_that_only_another_version_has_waits_for_a_day(
    app: App, world: World, age: timedelta, state: str
) -> None:
    person = world.organization()
    person.client.post("/dummy", {"name": "Ada"})
    with organization_scope(person.organization_id), app.database.transaction():
        event = EventRow.get(EventRow.name == "dummy.created")
        payload = {"event_id": event.id, "listener": "dummy.tell_the_press"}
        enqueue("core.deliver_event", payload, plugin="dummy", unique_key="press")
    with time_machine.travel(event.at + age):
        work_off(app)
    with system_scope("look at jobs in a test"):
        job = JobRow.get(JobRow.unique_key == "press")
    assert (job.state, job.attempt) == (state, int(state == "failed"))


def test_whoever_emits_an_event_can_go_on_without_what_a_listener_refuses_at_once(app: App, world: World) -> None:
    organization_id = world.organization().organization_id

    def refuse(event: EventRow) -> None:
        if event.subject_label == "rude":
            raise Refused("conflict", "That is no greeting.")

    deliveries = Deliveries(
        {"dummy.created": Event("dummy.created", "")}, {"dummy/refuse": Listener("dummy.*", refuse, "when_emitted")}
    )
    app.database.when_emitted = deliveries.when_emitted
    with organization_scope(organization_id), app.database.transaction() as transaction:
        with pytest.raises(Refused):
            emit("dummy.created", Subject("dummy_greeting", None, "rude"))
        emit("dummy.created", Subject("dummy_greeting", None, "Ada"))
        assert [event.subject_label for event in transaction.events] == ["Ada"]


def test_a_listener_of_a_plugin_that_is_off_is_not_asked_when_an_event_is_emitted(app: App, world: World) -> None:
    asked: list[str] = []
    listeners = {"dummy/ask": Listener("dummy.*", lambda event: asked.append(event.name), "when_emitted")}
    for is_on in (True, False):
        deliveries = Deliveries(app.events, listeners, lambda organization_id, plugin, is_on=is_on: is_on)
        app.database.when_emitted = deliveries.when_emitted
        with organization_scope(world.organization().organization_id), app.database.transaction():
            emit("dummy.created", Subject("dummy_greeting", None, "Ada"))
    assert asked == ["dummy.created"]
