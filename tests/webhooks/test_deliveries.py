"""Every event reaches the webhooks that are for it, at least once, or is told as failed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from time_machine import Traveller

from aasim_core.app import App
from aasim_core.clock import from_text, now
from aasim_core.context import EVERY_ORGANIZATION, organization_scope, system_scope
from aasim_core.events.log import Subject, emit
from aasim_core.ids import new_id
from aasim_core.jobs.queue import enqueue
from aasim_core.jobs.records import QUEUED, RUNNING, JobRow
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.peer import Handler, Peer
from aasim_core.testing.world import World
from aasim_plugins.webhooks.delivery.attempts import DELAYS
from aasim_plugins.webhooks.delivery.queueing import DELIVER
from aasim_plugins.webhooks.models import Delivery

from .conftest import EVENT, Hooks, answering

Work = Callable[[], int]


def ids_of(receiver: Peer) -> list[str]:
    """The ids of the messages that the receiver got."""
    return [headers["webhook-id"] for headers in receiver.headers]


def test_an_event_is_sent_as_the_library_of_the_standard_verifies_it(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make()
    event_id = hooks.happen("Shop")
    work()
    body = Verifier(webhook["secret"]).verify(receiver.raw_bodies[0], receiver.headers[0])
    assert body == {
        "type": EVENT,
        "timestamp": body["timestamp"],
        "data": {
            "id": event_id,
            "organization_id": hooks.owner.organization_id,
            "version": 1,
            "actor": {"type": "system", "id": None, "label": "system"},
            "subject": {"type": "plugin", "id": None, "label": "Shop"},
            "subject_revision": None,
            "outcome": "success",
            "changes": None,
            "data": {"status": "active"},
            "request_id": None,
        },
    }
    delivery = hooks.delivery(webhook)
    assert (delivery["status"], delivery["attempts"], delivery["event_id"]) == ("delivered", 1, event_id)


def test_a_message_has_the_id_of_its_event_however_often_it_is_sent(
    clock: Traveller, hooks: Hooks, receiver: Peer, work: Work
) -> None:
    receiver.behaviour = answering(500)
    webhook = hooks.make()
    event_id = hooks.happen()
    work()
    clock.shift(timedelta(seconds=10))
    receiver.behaviour = answering(204)
    work()
    hooks.redeliver(hooks.delivery(webhook))
    work()
    assert ids_of(receiver) == [event_id] * 3


@pytest.mark.parametrize(
    ("pattern", "wanted"), [("*", True), ("core.*", True), ("*.plugin_switched", True), ("webhooks.*", False)]
)
def test_what_is_sent_is_what_the_patterns_mean(hooks: Hooks, work: Work, pattern: str, wanted: bool) -> None:
    webhook = hooks.make(pattern)
    work()
    event_id = hooks.happen()
    work()
    assert (event_id in [delivery["event_id"] for delivery in hooks.deliveries(webhook)]) is wanted


def test_an_organization_without_a_webhook_for_an_event_has_no_job_for_it(app: App, hooks: Hooks) -> None:
    hooks.make("webhooks.tested")
    with system_scope("test"):
        before = JobRow.select().count()
    hooks.happen()
    with system_scope("test"):
        assert JobRow.select().count() == before


def test_what_happens_elsewhere_is_not_sent(world: World, hooks: Hooks, receiver: Peer, work: Work) -> None:
    hooks.make("*")
    work()
    before = len(receiver.bodies)
    other = Hooks(world, world.organization("Other"), receiver.url)
    other.happen()
    work()
    assert len(receiver.bodies) == before


def test_what_belongs_to_no_organization_is_sent_to_nobody(app: App, hooks: Hooks, receiver: Peer, work: Work) -> None:
    hooks.make("auth.*")
    with system_scope("test"), app.database.transaction():
        emit("auth.email_verified", Subject("user", None, "Somebody"), organization_id=EVERY_ORGANIZATION)
    work()
    assert receiver.bodies == []


def test_each_webhook_is_sent_an_event_once(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhooks = [hooks.make(), hooks.make()]
    hooks.happen()
    work()
    assert work() == 0
    assert [hooks.delivery(webhook)["attempts"] for webhook in webhooks] == [1, 1]
    assert len(receiver.bodies) == 2


@pytest.mark.long
def test_what_is_not_taken_is_sent_again_for_three_days_and_has_failed_then(
    clock: Traveller, hooks: Hooks, receiver: Peer, work: Work
) -> None:
    receiver.behaviour = answering(500, b"out of order")
    webhook = hooks.make()
    hooks.happen()
    waits = []
    work()
    while (due := hooks.delivery(webhook)["next_attempt_at"]) is not None:
        waits.append((from_text(due) - now()).total_seconds())
        clock.move_to(from_text(due))
        work()
    assert [round(wait / delay) for wait, delay in zip(waits, DELAYS, strict=True)] == [1] * 9
    failed = hooks.delivery(webhook)
    assert (failed["status"], failed["attempts"], len(receiver.bodies)) == ("failed", 10, 10)
    last = failed["last_attempt"]
    assert (last["code"], last["http_status"], last["response_body"]) == ("refused", 500, "out of order")


@pytest.mark.parametrize(
    ("status", "headers", "seconds"), [(429, {"Retry_After": "900"}, 900), (503, {"Retry_After": "600"}, 600), (502, {}, 60)]
)
def test_a_webhook_that_asks_for_it_is_left_alone_with_everything(
    clock: Traveller, hooks: Hooks, receiver: Peer, work: Work, status: int, headers: Any, seconds: int
) -> None:
    receiver.behaviour = answering(status, **headers)
    webhook = hooks.make()
    hooks.happen()
    work()
    receiver.behaviour = answering(204)
    hooks.happen()
    clock.shift(timedelta(seconds=seconds - 1))
    work()
    assert len(receiver.bodies) == 1
    clock.shift(timedelta(seconds=60))
    work()
    assert [delivery["status"] for delivery in hooks.deliveries(webhook)] == ["delivered"] * 2


def test_a_webhook_that_is_gone_is_disabled_at_once(hooks: Hooks, receiver: Peer, work: Work) -> None:
    receiver.behaviour = answering(410)
    webhook = hooks.make()
    hooks.happen()
    hooks.happen()
    work()
    assert hooks.read(webhook)["status"] == "auto_disabled"
    assert [(event.data, event.actor_type) for event in hooks.events("webhooks.disabled")] == [({"reason": "gone"}, "system")]
    assert sorted(delivery["status"] for delivery in hooks.deliveries(webhook)) == ["failed", "pending"]


def test_what_was_on_its_way_waits_while_the_webhook_is_disabled(
    clock: Traveller, hooks: Hooks, receiver: Peer, work: Work
) -> None:
    webhook = hooks.make()
    hooks.happen()
    hooks.toggle(webhook, "disabled")
    work()
    clock.shift(timedelta(days=1))
    work()
    assert (hooks.delivery(webhook)["next_attempt_at"], receiver.bodies) == (None, [])
    hooks.toggle(webhook, "active")
    work()
    assert hooks.delivery(webhook)["status"] == "delivered"


def test_what_is_on_its_way_waits_while_the_plugin_is_off_for_the_organization(
    app: App, hooks: Hooks, receiver: Peer, work: Work
) -> None:
    webhook, organization_id = hooks.make(), hooks.owner.organization_id
    hooks.happen()
    with organization_scope(organization_id), app.database.transaction():
        features.switch(organization_id, "webhooks", False)
    work()
    assert receiver.bodies == []
    with organization_scope(organization_id), app.database.transaction():
        features.switch(organization_id, "webhooks", True)
    work()
    assert hooks.delivery(webhook)["status"] == "delivered"


def test_an_event_can_be_sent_once_more(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make()
    hooks.happen()
    work()
    answer = hooks.redeliver(hooks.delivery(webhook))
    assert (answer.status, answer.data["status"], answer.data["attempts"]) == (202, "pending", 0)
    work()
    assert hooks.client.get(answer.headers["Location"].removeprefix("/api/v1")).data["status"] == "delivered"
    assert len(receiver.bodies) == 2
    assert [event.data["event_id"] for event in hooks.events("webhooks.redelivery_requested")] == [answer.data["event_id"]]


def test_nothing_is_sent_once_more_to_a_webhook_that_is_disabled(hooks: Hooks, work: Work) -> None:
    webhook = hooks.make()
    hooks.happen()
    work()
    hooks.toggle(webhook, "disabled")
    assert hooks.redeliver(hooks.delivery(webhook)).codes == {"_": ["invalid_state"]}


def test_an_attempt_does_not_end_a_delivery_that_was_begun_anew_meanwhile(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make()
    hooks.happen()

    def take_late(handler: Handler) -> None:
        receiver.behaviour = answering(204)
        with hooks.app.database.connected():
            hooks.redeliver(hooks.delivery(webhook))
        handler.answer(410, b"")

    receiver.behaviour = take_late
    work()
    assert (hooks.delivery(webhook)["status"], hooks.read(webhook)["status"]) == ("delivered", "active")


def test_what_was_sent_by_a_worker_that_has_lost_the_job_is_sent_again(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make()
    event_id = hooks.happen()

    def take_the_job_away(handler: Handler) -> None:
        receiver.behaviour = answering(204)
        with hooks.app.database.connected(), system_scope("test"), hooks.app.database.transaction():
            anew = JobRow.update(state=QUEUED, lease_token=None, lease_owner=None)
            assert anew.where(JobRow.name == DELIVER, JobRow.state == RUNNING).execute() == 1
        handler.answer(204, b"")

    receiver.behaviour = take_the_job_away
    work()
    assert ids_of(receiver) == [event_id] * 2
    assert (hooks.delivery(webhook)["status"], hooks.delivery(webhook)["attempts"]) == ("delivered", 1)


def test_an_event_that_is_gone_from_the_log_has_failed(app: App, hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make()
    hooks.happen()
    work()
    hooks.redeliver(hooks.delivery(webhook))
    with organization_scope(hooks.owner.organization_id), app.database.transaction():
        Delivery.update(event_id=new_id("evt")).execute()
    work()
    failed = hooks.delivery(webhook)
    assert (failed["status"], failed["last_attempt"]["code"], len(receiver.bodies)) == ("failed", "event_gone", 1)


def test_a_webhook_that_is_deleted_is_sent_nothing_and_leaves_nothing(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make()
    hooks.happen()
    hooks.client.delete(f"/webhooks/{webhook['id']}")
    work()
    with system_scope("test"):
        assert (receiver.bodies, Delivery.select().count()) == ([], 0)


def test_deliveries_are_forgotten_after_a_time(app: App, clock: Traveller, hooks: Hooks, work: Work) -> None:
    webhook = hooks.make()
    hooks.happen()
    work()
    clock.shift(timedelta(days=20))
    hooks.happen()
    work()
    clock.shift(timedelta(days=11))
    with system_scope("test"), app.database.transaction():
        enqueue("webhooks.prune", {})
    work()
    assert len(hooks.deliveries(webhook)) == 1
