"""A client that logs in, and a mailbox."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import system_scope
from aasim_core.events.records import EventRow
from aasim_core.testing.world import Answer, Client, World

PASSWORD = "gravel-tulip-orbit-94"
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "password": PASSWORD, "organization_name": "Analytical Engines"}


def event(app: App, name: str) -> EventRow:
    """The event of that name."""
    with system_scope("test"):
        found: EventRow = EventRow.get(EventRow.name == name)
    return found


@pytest.fixture
def anonymous(world: World) -> Client:
    """Somebody without a credential."""
    return replace(world.anonymous, headers={"User-Agent": "aasim tests"})


@pytest.fixture
def ada(anonymous: Client) -> Mapping[str, Any]:
    """What Ada was answered when she registered."""
    return anonymous.post("/auth/register", ADA).data  # type: ignore[no-any-return]


@pytest.fixture
def as_ada(anonymous: Client, ada: Mapping[str, Any]) -> Client:
    """Ada, in the session in which she registered."""
    return replace(anonymous, token=ada["access_token"])


@pytest.fixture
def log_in(anonymous: Client) -> Callable[..., Answer]:
    """Tries to log in."""

    def attempt(email: str = ADA["email"], password: str = PASSWORD, **headers: str) -> Answer:
        return anonymous.post("/auth/login", {"email": email, "password": password}, **headers)

    return attempt
