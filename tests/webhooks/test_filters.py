"""Filters: which events are left out, what can be written, and trying one with the last events."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from aasim_core.testing.peer import Peer
from aasim_core.testing.world import World
from aasim_plugins.webhooks.filters import verdict_on

from .conftest import EVENT, Hooks

Work = Callable[[], int]
SHOP = 'event.subject.label == "Shop"'


def labels(receiver: Peer) -> list[str]:
    """What the subjects of the messages are called that the receiver got."""
    return [body["data"]["subject"]["label"] for body in receiver.bodies]


def preview(hooks: Hooks, webhook: Mapping[str, Any], **body: Any) -> Any:
    return hooks.client.post(f"/webhooks/{webhook['id']}/preview", body)


def test_an_event_for_which_the_filter_is_false_is_not_sent(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make(filter=SHOP)
    for label in ("Shop", "Office", "Shop"):
        hooks.happen(label)
    work()
    assert (webhook["filter"], labels(receiver), len(hooks.deliveries(webhook))) == (SHOP, ["Shop", "Shop"], 2)


@pytest.mark.parametrize(
    ("expression", "is_sent"),
    [
        (f'event.type == "{EVENT}" && event.actor.type == "system"', True),
        ('timestamp(event.timestamp) > timestamp("2020-01-01T00:00:00Z") && event.version == 1', True),
        ('event.outcome != "success"', False),
        ('event.data.status == "disabled"', False),
        ("has(event.changes.status)", False),
        ("event.data.amount > 100", True),
        ("event.subject.label", True),
    ],
)
def test_an_event_is_sent_unless_the_filter_is_false(
    hooks: Hooks, receiver: Peer, work: Work, expression: str, is_sent: bool
) -> None:
    hooks.make(filter=expression)
    hooks.happen()
    work()
    assert bool(receiver.bodies) is is_sent


def test_what_would_take_too_long_is_sent(hooks: Hooks) -> None:
    event = {"type": "b", "data": {"text": "a" * 600_000}}
    assert verdict_on(event, 'event.type == "a"') == (False, None)
    is_sent, error = verdict_on(event, 'event.type == "a" || event.type == "c"')
    assert (is_sent, "too large" in str(error)) == (True, True)


def test_a_filter_can_be_changed_and_taken_away(hooks: Hooks, receiver: Peer, work: Work) -> None:
    path = f"/webhooks/{hooks.make(filter=SHOP)['id']}"
    assert hooks.client.patch(path, {"filter": "false"}).data["filter"] == "false"
    hooks.happen("Shop")
    work()
    assert receiver.bodies == []
    assert hooks.client.patch(path, {"filter": None}).data["filter"] is None
    hooks.happen("Office")
    work()
    assert labels(receiver) == ["Office"]


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("evnt.type", "There is no evnt.type here; an expression can use event."),
        ("event.data.items.all(item, item > 1)", "An expression cannot go through a list with all()"),
        ("event.type ==", "This is not an expression"),
    ],
)
def test_what_is_no_filter_is_refused_when_it_is_saved_and_when_it_is_tried(hooks: Hooks, expression: str, told: str) -> None:
    webhook = hooks.make()
    created = hooks.client.post("/webhooks", {"url": hooks.url, "events": ["*"], "filter": expression})
    for answer in (created, preview(hooks, webhook, filter=expression)):
        assert answer.codes == {"filter": ["invalid_format"]}
        assert told in str(answer.body)


def test_a_preview_tells_of_each_of_the_last_events_whether_it_would_be_sent(hooks: Hooks, work: Work) -> None:
    webhook = hooks.make(filter=SHOP)
    shop, office = hooks.happen("Shop"), hooks.happen("Office")
    told = preview(hooks, webhook).data
    assert told["filter"] == SHOP
    assert [(item["event_id"], item["event"], item["is_sent"], item["error"]) for item in told["items"]] == [
        (office, EVENT, False, None), (shop, EVENT, True, None),
    ]  # fmt: skip


def test_a_preview_tries_another_filter_or_none_and_as_many_events_as_are_asked_for(hooks: Hooks) -> None:
    webhook = hooks.make(filter="false")
    for _ in range(3):
        hooks.happen("Shop")
    for expression in (SHOP, None):
        told = preview(hooks, webhook, filter=expression, limit=2).data
        assert (told["filter"], [item["is_sent"] for item in told["items"]]) == (expression, [True, True])
    assert hooks.read(webhook)["filter"] == "false"


def test_a_preview_says_why_a_filter_has_no_value(hooks: Hooks) -> None:
    webhook = hooks.make()
    hooks.happen()
    [item] = preview(hooks, webhook, filter="event.data.amount > 100").data["items"]
    assert (item["is_sent"], "no value" in item["error"], "amount" in item["error"]) == (True, True, True)


def test_a_preview_is_about_the_events_that_the_patterns_mean_in_this_organization(
    world: World, hooks: Hooks, receiver: Peer, work: Work
) -> None:
    webhook = hooks.make("webhooks.tested")
    Hooks(world, world.organization("Other"), receiver.url).happen()
    hooks.happen()
    assert preview(hooks, webhook).data["items"] == []
    work()
    assert (receiver.bodies, hooks.deliveries(webhook)) == ([], [])


def test_a_preview_is_for_whoever_may_change_webhooks(world: World, hooks: Hooks) -> None:
    path = f"/webhooks/{hooks.make()['id']}/preview"
    answers = [world.member(hooks.owner, role).client.post(path, {}) for role in ("builder", "operator", "auditor")]
    assert [answer.status for answer in answers] == [403] * 3
