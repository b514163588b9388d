"""An owner, a mailbox, and people who come into the organization by mail."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from secrets import token_hex
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.mailbox import Inbox
from aasim_core.testing.world import Client, Person, World
from aasim_core.worker.runner import work_off

PASSWORD = "gravel-tulip-orbit-94"


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def tree(owner: Person) -> dict[str, str]:
    """A branch with a department and one within it, another branch, and a department of no branch."""
    one, other = (owner.client.post("/branches", {"name": name}).data["id"] for name in ("One", "Other"))
    care = owner.client.post("/departments", {"name": "Care", "branch_id": one}).data["id"]
    within = owner.client.post("/departments", {"name": "Within", "parent_id": care}).data["id"]
    free = owner.client.post("/departments", {"name": "Free"}).data["id"]
    return {"one": one, "other": other, "care": care, "within": within, "free": free}


@pytest.fixture
def anonymous(world: World) -> Client:
    """Somebody without a credential."""
    return replace(world.anonymous, headers={"User-Agent": "aasim tests"})


@pytest.fixture
def invite(app: App, owner: Person, inbox: Inbox) -> Callable[..., tuple[Mapping[str, Any], str]]:
    """Invites somebody, by the owner unless `by` is given; returns the guest and the token of the mail."""

    def act(by: Person = owner, **values: Any) -> tuple[Mapping[str, Any], str]:
        guest = by.client.post("/users", {"name": "Grace Hopper", "email": f"{token_hex(6)}@example.com", **values}).data
        work_off(app)
        return guest, inbox.token(guest["email"])

    return act


@pytest.fixture
def join(anonymous: Client, owner: Person, invite: Callable[..., tuple[Mapping[str, Any], str]]) -> Callable[..., Person]:
    """Invites somebody who registers with the token of the mail; returns them."""

    def act(by: Person = owner, **values: Any) -> Person:
        guest, token = invite(by, **values)
        body = {"name": guest["name"], "email": guest["email"], "password": PASSWORD, "invitation_token": token}
        entry = anonymous.post("/auth/register", body).data
        return Person(entry["user"]["id"], by.organization_id, replace(anonymous, token=entry["access_token"]))

    return act
