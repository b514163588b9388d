"""A webhook that fails again and again is left alone, tried now and then, and in the end disabled; nothing is lost by that."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from time_machine import Traveller

from aasim_core.clock import from_text, now
from aasim_core.context import organization_scope
from aasim_core.data import records
from aasim_core.testing.mailbox import Inbox
from aasim_core.testing.peer import Handler, Peer
from aasim_plugins.webhooks.health import note_failure
from aasim_plugins.webhooks.models import Webhook

from .conftest import Hooks, answering

Work = Callable[[], int]
HOUR = timedelta(hours=1)


def break_down(hooks: Hooks, receiver: Peer, work: Work) -> dict[str, Any]:
    """Let five events fail; returns the webhook, which is left alone then."""
    receiver.behaviour = answering(500)
    webhook = hooks.make()
    for _ in range(5):
        hooks.happen()
    work()
    return webhook


def test_after_five_failures_nothing_is_sent_for_a_while(clock: Traveller, hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = break_down(hooks, receiver, work)
    told = hooks.read(webhook)
    assert (told["health"], told["consecutive_failures"]) == ("open", 5)
    assert from_text(told["resumes_at"]) - from_text(told["failing_since_at"]) == timedelta(minutes=1)
    hooks.happen()
    clock.shift(timedelta(seconds=59))
    work()
    assert len(receiver.bodies) == 5


def test_then_one_event_is_sent_to_see_and_the_others_wait(clock: Traveller, hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = break_down(hooks, receiver, work)
    clock.shift(timedelta(seconds=61))
    assert hooks.read(webhook)["health"] == "half_open"
    work()
    assert (len(receiver.bodies), hooks.read(webhook)["health"]) == (6, "open")


def test_only_one_worker_sees_whether_it_is_well_again(clock: Traveller, hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = break_down(hooks, receiver, work)
    clock.shift(HOUR)
    seen = []

    def meanwhile(handler: Handler) -> None:
        with hooks.app.database.connected():
            seen.append(hooks.read(webhook)["health"])
            work()
        handler.answer(500, b"")

    receiver.behaviour = meanwhile
    work()
    assert (seen, len(receiver.bodies)) == (["open"], 6)


@pytest.mark.long
def test_it_is_left_alone_for_longer_each_time_and_at_most_for_an_hour(
    clock: Traveller, hooks: Hooks, receiver: Peer, work: Work
) -> None:
    webhook = break_down(hooks, receiver, work)
    for minutes in (2, 4, 8, 16, 32, 60, 60):
        clock.shift(12 * HOUR)
        moment = now()
        work()
        assert from_text(hooks.read(webhook)["resumes_at"]) - moment == timedelta(minutes=minutes)
        hooks.happen()


def test_when_it_takes_one_it_is_sent_everything_at_once(clock: Traveller, hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = break_down(hooks, receiver, work)
    receiver.behaviour = answering(204)
    clock.shift(timedelta(seconds=61))
    work()
    told = hooks.read(webhook)
    assert (told["health"], told["consecutive_failures"], told["resumes_at"]) == ("closed", 0, None)
    assert [delivery["status"] for delivery in hooks.deliveries(webhook)] == ["delivered"] * 5


def test_attempts_that_began_before_it_opened_do_not_lengthen_the_first_rest(
    clock: Traveller, hooks: Hooks, receiver: Peer
) -> None:
    webhook = hooks.make()
    with organization_scope(hooks.owner.organization_id), hooks.app.database.transaction():
        begun = [records.find(Webhook, webhook["id"]) for _ in range(7)]
        for attempt in begun:
            note_failure(attempt, None, gone=False)
    told = hooks.read(webhook)
    assert (told["health"], told["consecutive_failures"]) == ("open", 5)
    assert from_text(told["resumes_at"]) - now() == timedelta(minutes=1)


def test_a_ping_that_is_taken_closes_the_circuit(clock: Traveller, hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = break_down(hooks, receiver, work)
    receiver.behaviour = answering(204)
    assert hooks.client.post(f"/webhooks/{webhook['id']}/test").status == 200
    told = hooks.read(webhook)
    assert (told["health"], told["resumes_at"]) == ("closed", None)
    work()
    assert {delivery["status"] for delivery in hooks.deliveries(webhook)} == {"delivered"}


def test_one_that_fails_does_not_hold_another_up(hooks: Hooks, receiver: Peer, work: Work) -> None:
    break_down(hooks, receiver, work)
    receiver.behaviour = answering(204)
    well = hooks.make()
    hooks.happen()
    work()
    assert hooks.delivery(well)["status"] == "delivered"


@pytest.mark.long
def test_after_five_days_of_nothing_but_failures_it_is_disabled_and_the_owners_are_told(
    clock: Traveller, hooks: Hooks, receiver: Peer, inbox: Inbox, work: Work
) -> None:
    webhook = break_down(hooks, receiver, work)
    for _ in range(9):
        assert hooks.read(webhook)["status"] == "active"
        clock.shift(14 * HOUR)
        hooks.happen()
        work()
    assert hooks.read(webhook)["status"] == "auto_disabled"
    assert [event.data for event in hooks.events("webhooks.disabled")] == [{"reason": "failing"}]
    [mail] = inbox.mails
    assert mail["Subject"] == f"Webhook disabled: {webhook['id']}"
    assert f"/api/v1/webhooks/{webhook['id']}/toggle" in mail.get_content()


@pytest.mark.long
def test_one_success_begins_the_five_days_anew(clock: Traveller, hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = break_down(hooks, receiver, work)
    receiver.behaviour = answering(204)
    clock.shift(timedelta(days=3))
    work()
    receiver.behaviour = answering(500)
    clock.shift(timedelta(days=3))
    for _ in range(12):
        hooks.happen()
        work()
        clock.shift(HOUR)
    assert hooks.read(webhook)["status"] == "active"
