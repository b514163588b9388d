"""The deliveries of an event are written with it where that is simple, and by a job where it is not."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.ids import new_id
from aasim_plugins.webhooks.delivery.fan_out import at_once
from aasim_plugins.webhooks.models import Delivery, Webhook

from ..conftest import EVENT, Hooks

Work = Callable[[], int]


@pytest.mark.parametrize(
    ("count", "fields", "with_the_event"),
    [
        (1, {}, True),
        (4, {}, True),
        (5, {}, False),
        (1, {"filter": "event.outcome == 'success'"}, False),
        (1, {"order": "by_subject"}, False),
    ],
)
def test_deliveries_are_written_with_the_event_or_by_a_job(
    hooks: Hooks, work: Work, count: int, fields: dict[str, Any], *, with_the_event: bool
) -> None:
    webhooks = [hooks.make(**fields) for _ in range(count)]
    hooks.happen(subject_id=new_id("agent"))
    assert [len(hooks.deliveries(webhook)) for webhook in webhooks] == [int(with_the_event)] * count
    work()
    assert {hooks.delivery(webhook)["status"] for webhook in webhooks} == {"delivered"}


def test_an_event_of_a_change_of_webhooks_is_sent_to_what_there_is_after_it(hooks: Hooks, work: Work) -> None:
    webhook, gone = hooks.make("webhooks.*"), hooks.make("webhooks.*")
    work()
    hooks.client.delete(f"/webhooks/{gone['id']}")
    with organization_scope(hooks.owner.organization_id):
        assert Delivery.select().where(Delivery.event == "webhooks.deleted").count() == 0
    work()
    assert [delivery["event"] for delivery in hooks.deliveries(webhook)].count("webhooks.deleted") == 1


def test_a_delivery_for_a_webhook_that_another_process_has_just_deleted_is_forgotten(app: App, hooks: Hooks, work: Work) -> None:
    webhook = hooks.make()
    with organization_scope(hooks.owner.organization_id):
        known = list(Webhook.select())
        hooks.client.delete(f"/webhooks/{webhook['id']}")
        work()
        hooks.happen()
        with app.database.transaction():
            assert at_once(app, lambda: known)(hooks.events(EVENT)[-1])
        assert Delivery.select().count() == 1
        work()
        assert Delivery.select().count() == 0
