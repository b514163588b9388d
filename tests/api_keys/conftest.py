"""Somebody who makes keys, and clients that use them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aasim_core.testing.world import Client, Person, World

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def make() -> Make:
    """Makes a key in the name of a person; the answer's data."""

    def made(person: Person, *scopes: str, **fields: Any) -> dict[str, Any]:
        body = {"name": "Nightly report", "scopes": list(scopes) or ["agents:read"], **fields}
        data: dict[str, Any] = person.client.post("/api-keys", body).data
        return data

    return made


@pytest.fixture
def robot(world: World) -> Callable[[str], Client]:
    """A client that asks with a key."""
    return lambda key: replace(world.anonymous, token=key)
