"""A webhook is sent events as long as its creator may have that done; then it is disabled, and the owners are told."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.access import grants
from aasim_core.access.records import Grant
from aasim_core.context import organization_scope
from aasim_core.testing.mailbox import Inbox
from aasim_core.testing.peer import Peer
from aasim_core.testing.principals import expel
from aasim_core.testing.world import Person, World
from aasim_plugins.webhooks.models import Webhook

from .conftest import Hooks

Work = Callable[[], int]


@pytest.fixture
def admin(world: World, owner: Person) -> Person:
    """An admin, who makes a webhook."""
    return world.member(owner, "admin")


@pytest.fixture
def theirs(hooks: Hooks, admin: Person) -> Hooks:
    """The webhooks that the admin makes."""
    return Hooks(hooks._world, admin, hooks.url)


def demote(hooks: Hooks, person: Person) -> None:
    """Take every role from the person."""
    with organization_scope(person.organization_id), hooks.app.database.transaction():
        for held in Grant.select().where(Grant.subject_id == person.user_id):
            grants.revoke(held.id)
    hooks.app.organization_states.forget(person.organization_id)


def leave(hooks: Hooks, person: Person) -> None:
    """End the person's membership."""
    demote(hooks, person)
    expel(hooks.app, person)


WAYS = {"creator_left": leave, "creator_lost_permission": demote}


@pytest.mark.parametrize("reason", WAYS)
def test_nothing_is_sent_without_a_creator_who_may_and_the_owners_are_told(
    theirs: Hooks, hooks: Hooks, admin: Person, receiver: Peer, work: Work, inbox: Inbox, reason: str
) -> None:
    webhook = theirs.make()
    hooks.happen("before")
    work()
    assert len(receiver.bodies) == 1
    WAYS[reason](hooks, admin)
    hooks.happen("after")
    work()
    hooks.happen("later")
    work()
    told = hooks.read(webhook)
    assert len(receiver.bodies) == 1
    assert (told["status"], told["disabled_reason"], told["held_count"]) == ("auto_disabled", reason, 1)
    assert [event.data["reason"] for event in hooks.events("webhooks.disabled")] == [reason]
    assert [told["id"] in mail.get_content() for mail in inbox.mails] == [True]


def test_who_enables_it_becomes_its_creator_and_is_sent_what_was_on_its_way(
    theirs: Hooks, hooks: Hooks, admin: Person, owner: Person, receiver: Peer, work: Work
) -> None:
    webhook = theirs.make()
    leave(hooks, admin)
    hooks.happen()
    work()
    told = hooks.toggle(webhook, "active")
    work()
    assert (told["created_by"], told["disabled_reason"], len(receiver.bodies)) == (owner.user_id, None, 1)


def test_who_enables_a_webhook_from_before_becomes_its_creator(hooks: Hooks, owner: Person, receiver: Peer, work: Work) -> None:
    webhook = hooks.make()
    with organization_scope(owner.organization_id), hooks.app.database.transaction():
        Webhook.update(created_by=None).execute()
    hooks.happen()
    work()
    assert (len(receiver.bodies), hooks.read(webhook)["created_by"]) == (1, None)
    assert hooks.toggle(webhook, "active")["created_by"] == owner.user_id
    assert [event.changes for event in hooks.events("webhooks.updated")] == [{"created_by": [None, owner.user_id]}]


def test_who_enables_another_ones_webhook_leaves_it_theirs(theirs: Hooks, hooks: Hooks, admin: Person) -> None:
    webhook = theirs.make()
    hooks.toggle(webhook, "disabled")
    assert hooks.toggle(webhook, "active")["created_by"] == admin.user_id


@pytest.mark.parametrize(
    ("change", "is_theirs"), [({"description": "Shop"}, False), ({"events": ["core.*"]}, True), ({"filter": "true"}, True)]
)
def test_who_says_what_is_sent_becomes_the_creator(
    theirs: Hooks, hooks: Hooks, admin: Person, owner: Person, change: dict[str, Any], is_theirs: bool
) -> None:
    webhook = theirs.make()
    told = hooks.client.patch(f"/webhooks/{webhook['id']}", change).data
    assert told["created_by"] == (owner.user_id if is_theirs else admin.user_id)
