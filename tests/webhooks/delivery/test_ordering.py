"""Webhooks that want it are sent what happens to one subject in order, whatever happens to others, and however events are fanned out."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from time_machine import Traveller

from aasim_core.app import App
from aasim_core.clock import from_text
from aasim_core.context import organization_scope
from aasim_core.data.records import create
from aasim_core.events.records import EventRow
from aasim_core.ids import new_id
from aasim_core.testing.peer import Handler, Peer
from aasim_core.worker.runner import work_off
from aasim_plugins.webhooks.delivery.attempts import give_up
from aasim_plugins.webhooks.delivery.fan_out import fan_out
from aasim_plugins.webhooks.delivery.ordering import in_order
from aasim_plugins.webhooks.models import Delivery

from ..conftest import EVENT, Hooks, answering

Work = Callable[[], int]
START = from_text("2026-01-31T09:00:00Z")
A, B = "plugin_01h455vb4pex5vsknk084sn02a", "plugin_01h455vb4pex5vsknk084sn02b"


def told(receiver: Peer, subject_id: str) -> list[str]:
    """The labels that the receiver was told of the subject, one after the other."""
    about = (body["data"]["subject"] for body in receiver.bodies)
    return [subject["label"] for subject in about if subject["id"] == subject_id]


def refusing(*labels: str) -> Callable[[Handler], None]:
    """The behaviour of a receiver that does not take events with those labels."""

    def behave(handler: Handler) -> None:
        label = handler.server.peer.bodies[-1]["data"]["subject"]["label"]
        handler.answer(500 if label in labels else 204, b"")

    return behave


def changed(hooks: Hooks, times: int) -> str:
    """An object that was changed so often; its id."""
    subject = hooks.make("webhooks.tested")
    for number in range(times):
        hooks.client.patch(f"/webhooks/{subject['id']}", {"description": f"Change {number}"})
    return str(subject["id"])


def fan_out_in(hooks: Hooks, events: Iterable[EventRow]) -> None:
    """Fan out the events in this order, each as a job does."""
    for event in events:
        with organization_scope(hooks.owner.organization_id), hooks.app.database.transaction():
            fan_out(hooks.app, event)


def revisions(receiver: Peer) -> Mapping[str, list[int]]:
    """The revisions of each subject that the receiver was told of, as they came."""
    found = defaultdict(list)
    for body in receiver.bodies:
        found[body["data"]["subject"]["id"]].append(body["data"]["subject_revision"])
    return found


@pytest.mark.long
def test_changes_are_sent_in_order_and_once_in_whatever_order_their_events_are_fanned_out(
    hooks: Hooks, receiver: Peer, work: Work
) -> None:
    hooks.make("webhooks.updated", order="by_subject")
    subjects = [changed(hooks, 4) for _ in range(4)]
    shuffled = sorted(hooks.events("webhooks.updated"), key=lambda event: event.id[::-1])
    fan_out_in(hooks, shuffled[:9])
    work()
    assert revisions(receiver) == {subject: [2, 3, 4, 5] for subject in subjects}


def test_revisions_and_not_clocks_say_what_happened_first(clock: Traveller, hooks: Hooks, receiver: Peer, work: Work) -> None:
    hooks.make("webhooks.updated", order="by_subject")
    subject = changed(hooks, 0)
    for seconds in (10, 8, 6):
        clock.move_to(START + timedelta(seconds=seconds))
        hooks.client.patch(f"/webhooks/{subject}", {"description": f"At {seconds}"})
    clock.move_to(START + timedelta(minutes=1))
    fan_out_in(hooks, [event for event in hooks.events("webhooks.updated") if event.subject_revision == 3])
    work()
    assert revisions(receiver) == {subject: [2, 3, 4]}


def test_what_changes_nothing_stands_where_its_time_is() -> None:
    def event(at: str, revision: int | None) -> EventRow:
        return EventRow(id=new_id("evt"), at=from_text(f"2026-01-31T09:00:{at}.000Z"), subject_revision=revision)

    events = [event("01", 3), event("02", None), event("03", 2), event("04", None)]
    assert [(each.subject_revision, each.at.second) for each in in_order(reversed(events))] == [
        (2, 3),
        (None, 2),
        (3, 1),
        (None, 4),
    ]


def test_what_is_not_taken_holds_up_the_later_ones_about_its_subject_and_no_other(
    clock: Traveller, hooks: Hooks, receiver: Peer, work: Work
) -> None:
    receiver.behaviour = refusing("first")
    hooks.make(order="by_subject")
    for label in ("first", "second", "third"):
        hooks.happen(label, A)
        hooks.happen(label.upper(), B)
        work()
    assert (told(receiver, A), told(receiver, B)) == (["first"], ["FIRST", "SECOND", "THIRD"])
    receiver.behaviour = answering(204)
    clock.shift(timedelta(seconds=10))
    work()
    assert told(receiver, A) == ["first", "first", "second", "third"]


def test_what_has_no_subject_waits_for_nothing(hooks: Hooks, receiver: Peer, work: Work) -> None:
    receiver.behaviour = refusing("first")
    webhook = hooks.make(order="by_subject")
    for label in ("first", "second"):
        hooks.happen(label)
    work()
    assert [(each["position"], each["status"]) for each in hooks.deliveries(webhook)] == [(None, "pending"), (None, "delivered")]


@pytest.mark.long
def test_when_one_has_failed_for_good_the_next_is_sent(clock: Traveller, hooks: Hooks, receiver: Peer, work: Work) -> None:
    receiver.behaviour = refusing("first")
    webhook = hooks.make(order="by_subject")
    hooks.happen("first", A)
    hooks.happen("second", A)
    work()
    while (due := hooks.deliveries(webhook)[0]["next_attempt_at"]) is not None:
        assert "second" not in told(receiver, A)
        clock.move_to(from_text(due))
        work()
    clock.shift(timedelta(hours=2))
    work()
    assert told(receiver, A) == ["first"] * 10 + ["second"]


def test_when_we_have_failed_the_delivery_has_and_the_next_is_sent(hooks: Hooks, receiver: Peer, work: Work) -> None:
    receiver.behaviour = refusing("first")
    webhook = hooks.make(order="by_subject")
    hooks.happen("first", A)
    hooks.happen("second", A)
    work()
    with organization_scope(hooks.owner.organization_id), hooks.app.database.transaction():
        give_up({"delivery_id": hooks.deliveries(webhook)[0]["id"]}, "ValueError", "failed")
    work()
    first, second = hooks.deliveries(webhook)
    assert (first["status"], first["last_attempt"]["code"], second["status"]) == ("failed", "internal_error", "delivered")


def test_one_that_is_sent_once_more_goes_before_those_that_wait(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make(order="by_subject")
    hooks.happen("first", A)
    work()
    hooks.toggle(webhook, "disabled")
    hooks.toggle(webhook, "active")
    hooks.happen("second", A)
    hooks.redeliver(hooks.deliveries(webhook)[0])
    work()
    assert told(receiver, A) == ["first", "first", "second"]


def test_what_waits_for_a_disabled_webhook_is_sent_in_order_when_it_is_enabled(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make(order="by_subject")
    for number in range(5):
        hooks.happen(str(number), A)
    hooks.toggle(webhook, "disabled")
    work()
    hooks.toggle(webhook, "active")
    hooks.happen("5", A)
    work()
    assert told(receiver, A) == list("012345")


def test_what_was_held_is_replayed_in_order(clock: Traveller, hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make("webhooks.updated", order="by_subject")
    hooks.toggle(webhook, "disabled")
    clock.shift(timedelta(minutes=1))
    subject = changed(hooks, 4)
    fan_out_in(hooks, reversed(hooks.events("webhooks.updated")))
    work()
    hooks.toggle(webhook, "active")
    clock.shift(timedelta(minutes=1))
    assert hooks.client.post(f"/webhooks/{webhook['id']}/replay", {"only": "held"}).data["count"] == 4
    work()
    assert revisions(receiver) == {subject: [2, 3, 4, 5]}


def test_what_happened_before_the_webhook_was_for_it_is_not_brought(
    clock: Traveller, hooks: Hooks, receiver: Peer, work: Work
) -> None:
    hooks.happen("before it was made", A)
    clock.shift(timedelta(seconds=1))
    webhook = hooks.make(order="by_subject", filter='event.subject.label != "left out"')
    hooks.happen("left out", A)
    work()
    clock.shift(timedelta(seconds=1))
    hooks.client.patch(f"/webhooks/{webhook['id']}", {"filter": None})
    hooks.happen("sent", A)
    work()
    assert told(receiver, A) == ["sent"]


def test_what_was_brought_is_not_sent_again_when_the_webhook_wants_no_order_any_more(
    hooks: Hooks, receiver: Peer, work: Work
) -> None:
    webhook = hooks.make("webhooks.updated", order="by_subject")
    subject = changed(hooks, 3)
    fan_out_in(hooks, hooks.events("webhooks.updated")[-1:])
    hooks.client.patch(f"/webhooks/{webhook['id']}", {"order": "none"})
    work()
    assert revisions(receiver)[subject] == [2, 3, 4]


def test_what_was_made_without_an_order_waits_for_nothing_and_keeps_nothing_waiting(
    hooks: Hooks, receiver: Peer, work: Work
) -> None:
    receiver.behaviour = refusing("first")
    webhook = hooks.make()
    hooks.happen("first", A)
    work()
    hooks.client.patch(f"/webhooks/{webhook['id']}", {"order": "by_subject"})
    hooks.happen("second", A)
    work()
    assert told(receiver, A) == ["first", "second"]


def test_deliveries_about_a_subject_can_be_listed(hooks: Hooks, work: Work) -> None:
    webhook = hooks.make(order="by_subject")
    for subject in (A, B, A):
        hooks.happen("Shop", subject)
    work()
    found = hooks.client.get(f"/webhooks/{webhook['id']}/deliveries?subject_id={A}&sort=created_at").data["items"]
    assert [(each["subject_id"], each["position"]) for each in found] == [(A, 1), (A, 2)]


@pytest.mark.long
def test_several_workers_at_once_send_what_happens_to_each_subject_in_order_and_once(
    app: App, hooks: Hooks, receiver: Peer
) -> None:
    hooks.make("webhooks.updated", order="by_subject")
    subjects = [changed(hooks, 6) for _ in range(3)]
    at_once([threading.Thread(target=work_off, args=(app, f"worker {number}")) for number in range(4)])
    work_off(app)
    assert revisions(receiver) == {subject: [2, 3, 4, 5, 6, 7] for subject in subjects}


def at_once(threads: Sequence[threading.Thread]) -> None:
    """Let them all run, to their end."""
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()


@pytest.mark.long
def test_many_that_wait_for_one_another_are_all_looked_at_when_the_webhook_is_enabled_and_the_job_ends(
    app: App, hooks: Hooks, work: Work
) -> None:
    webhook = hooks.make(order="by_subject")
    hooks.toggle(webhook, "disabled")
    values: dict[str, Any] = {"webhook_id": webhook["id"], "event": EVENT, "subject_id": A}
    with organization_scope(hooks.owner.organization_id), app.database.transaction():
        for position in range(1, 451):
            create(Delivery, event_id=new_id("evt"), position=position, **values)
    hooks.toggle(webhook, "active")
    work()
    with organization_scope(hooks.owner.organization_id):
        ended = Delivery.select(Delivery.status, Delivery.position).order_by(Delivery.delivered_at, Delivery.position)
        assert [row.status for row in ended] == ["failed"] * 450
