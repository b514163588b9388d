"""What happens while a webhook is disabled is held for a time, and is sent when somebody asks for it; so is what has failed."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from time_machine import Traveller

from aasim_core.app import App
from aasim_core.clock import now, to_text
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import create
from aasim_core.ids import new_id
from aasim_core.jobs.queue import enqueue
from aasim_core.testing.peer import Peer
from aasim_plugins.webhooks.holding import DROP
from aasim_plugins.webhooks.models import HELD, Delivery, Webhook

from .conftest import EVENT, Hooks, answering

Work = Callable[[], int]


@pytest.fixture(scope="session")
def plugin_settings(plugin_settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Three events are held for ten days."""
    return {**plugin_settings, "webhooks.hold_max": 3, "webhooks.hold_days": 10}


@pytest.fixture
def disabled(clock: Traveller, hooks: Hooks, work: Work) -> dict[str, Any]:
    """A webhook that was disabled as three events happened, a minute after each other."""
    webhook = hooks.make()
    hooks.toggle(webhook, "disabled")
    for number in range(3):
        clock.shift(timedelta(minutes=1))
        hooks.happen(f"Plugin {number}")
        work()
    return webhook


def replay(hooks: Hooks, webhook: Mapping[str, Any], **body: Any) -> Any:
    return hooks.client.post(f"/webhooks/{webhook['id']}/replay", {"only": "held", **body})


def drop(app: App, work: Work) -> None:
    """Do what is done every ten minutes."""
    with system_scope("test"), app.database.transaction():
        enqueue(DROP, {})
    work()


def test_what_happens_while_it_is_disabled_is_held(hooks: Hooks, receiver: Peer, disabled: dict[str, Any]) -> None:
    told = hooks.read(disabled)
    held = hooks.deliveries(disabled)
    assert (told["held_count"], told["oldest_held_at"], told["dropped_count"]) == (3, held[0]["created_at"], 0)
    assert ([each["status"] for each in held], receiver.bodies) == (["held"] * 3, [])


def test_enabling_tells_of_it_and_sends_nothing_of_it(hooks: Hooks, receiver: Peer, work: Work, disabled: dict[str, Any]) -> None:
    assert hooks.toggle(disabled, "active")["held_count"] == 3
    work()
    assert receiver.bodies == []


def test_a_dry_run_tells_what_would_be_sent_and_sends_nothing(
    hooks: Hooks, receiver: Peer, work: Work, disabled: dict[str, Any]
) -> None:
    second = hooks.deliveries(disabled)[1]["created_at"]
    answer = replay(hooks, disabled, since_at=second, dry_run=True)
    assert answer.status == 200
    assert answer.data == {
        "only": "held", "since_at": second, "until_at": to_text(now()), "count": 2, "oldest_at": second, "dry_run": True,
        "failed": 0, "held": 2, "retrying": 0,
    }  # fmt: skip
    assert answer.body["message"].startswith("Nothing was sent: ")
    work()
    assert (receiver.bodies, hooks.events("webhooks.replay_requested")) == ([], [])


def test_exactly_what_was_told_is_sent_the_oldest_first(
    hooks: Hooks, receiver: Peer, work: Work, disabled: dict[str, Any]
) -> None:
    third = hooks.deliveries(disabled)[2]["created_at"]
    hooks.toggle(disabled, "active")
    answer = replay(hooks, disabled, until_at=third)
    assert (answer.status, answer.data["count"]) == (202, 2)
    work()
    assert [body["data"]["subject"]["label"] for body in receiver.bodies] == ["Plugin 0", "Plugin 1"]
    told = hooks.read(disabled)
    assert (told["held_count"], told["oldest_held_at"]) == (1, third)
    assert [event.data["count"] for event in hooks.events("webhooks.replay_requested")] == [2]


def test_what_is_being_retried_is_counted_in_the_plan_and_not_sent(hooks: Hooks, receiver: Peer, work: Work) -> None:
    receiver.behaviour = answering(500)
    webhook = hooks.make()
    hooks.happen()
    work()
    told = replay(hooks, webhook, only="failed", dry_run=True).data
    assert (told["count"], told["failed"], told["held"], told["retrying"]) == (0, 0, 0, 1)


@pytest.mark.long
def test_a_set_of_several_steps_is_sent_as_a_whole_and_once(
    app: App, hooks: Hooks, receiver: Peer, work: Work, disabled: dict[str, Any]
) -> None:
    with organization_scope(hooks.owner.organization_id), app.database.transaction():
        for _ in range(450):
            create(Delivery, webhook_id=disabled["id"], event_id=new_id("evt"), event=EVENT, status=HELD)
        Webhook.update(held_count=453).execute()
    hooks.toggle(disabled, "active")
    assert replay(hooks, disabled).data["count"] == 453
    work()
    with organization_scope(hooks.owner.organization_id):
        assert [row.attempts for row in Delivery.select(Delivery.attempts)] == [1] * 453
    assert (len(receiver.bodies), hooks.read(disabled)["held_count"]) == (3, 0)


def test_what_failed_after_it_was_asked_for_is_no_part_of_it(clock: Traveller, hooks: Hooks, receiver: Peer, work: Work) -> None:
    receiver.behaviour = answering(410)
    webhook = hooks.make()
    hooks.happen()
    work()
    hooks.toggle(webhook, "active")
    clock.shift(timedelta(minutes=1))
    assert replay(hooks, webhook, only="failed").data["count"] == 1
    clock.shift(timedelta(minutes=1))
    receiver.behaviour = answering(500)
    work()
    assert (len(receiver.bodies), hooks.delivery(webhook)["attempts"]) == (2, 1)


def test_everything_can_be_sent_once_more(clock: Traveller, hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make()
    first = hooks.happen()
    work()
    clock.shift(timedelta(minutes=1))
    assert replay(hooks, webhook, only="failed").data["count"] == 0
    assert replay(hooks, webhook, only="all").data["count"] == 1
    work()
    assert [headers["webhook-id"] for headers in receiver.headers] == [first] * 2


def test_nothing_is_replayed_to_a_webhook_that_is_disabled(hooks: Hooks, disabled: dict[str, Any]) -> None:
    assert replay(hooks, disabled).codes == {"_": ["invalid_state"]}


def test_one_that_is_held_can_be_sent_by_itself(hooks: Hooks, work: Work, disabled: dict[str, Any]) -> None:
    hooks.toggle(disabled, "active")
    hooks.redeliver(hooks.deliveries(disabled)[0])
    work()
    assert [delivery["status"] for delivery in hooks.deliveries(disabled)] == ["delivered", "held", "held"]
    assert hooks.read(disabled)["held_count"] == 2


def test_the_oldest_of_what_is_too_much_are_dropped_and_counted(
    app: App, hooks: Hooks, work: Work, disabled: dict[str, Any]
) -> None:
    for _ in range(2):
        hooks.happen()
    work()
    kept = hooks.deliveries(disabled)[2:]
    drop(app, work)
    told = hooks.read(disabled)
    assert (told["held_count"], told["dropped_count"], told["oldest_held_at"]) == (3, 2, kept[0]["created_at"])
    assert hooks.deliveries(disabled) == kept
    assert [event.data for event in hooks.events("webhooks.events_dropped")] == [{"count": 2}]


def test_what_is_held_for_too_long_is_dropped_and_counted(
    app: App, clock: Traveller, hooks: Hooks, work: Work, disabled: dict[str, Any]
) -> None:
    clock.shift(timedelta(days=10, seconds=1))
    hooks.happen()
    work()
    drop(app, work)
    told = hooks.read(disabled)
    assert (told["held_count"], told["dropped_count"]) == (1, 3)


def test_deliveries_that_are_held_are_not_forgotten_with_the_others(
    app: App, clock: Traveller, hooks: Hooks, work: Work, disabled: dict[str, Any]
) -> None:
    clock.shift(timedelta(days=31))
    with system_scope("test"), app.database.transaction():
        enqueue("webhooks.prune", {})
    work()
    assert hooks.read(disabled)["held_count"] == len(hooks.deliveries(disabled)) == 3
