"""The contract that every plugin keeps, and what only bookmarks do."""

from collections.abc import Mapping
from itertools import count
from typing import Any

import pytest

from aasim_core.testing.contract import PluginContract
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person, World

NUMBERS = count(1)


def bookmark(world: World, person: Person) -> Mapping[str, Any]:
    """The body of a new bookmark, of an agent of its own."""
    name = f"Agent {next(NUMBERS)}"
    return {"agent_id": person.client.post("/agents", {"name": name}).data["id"], "name": name}


def marked_agent(world: World, person: Person) -> str:
    """The id of an agent that has a bookmark."""
    return str(person.client.post("/bookmarks", bookmark(world, person)).data["agent_id"])


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "bookmarks"
    samples = {"POST /bookmarks": bookmark, "GET /bookmarks/{bookmark_id}/excerpt": {"letters": 3}}
    objects = {"agent_id": marked_agent}


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Bookmarks are on, with what they require."""
    return only(["bookmarks"])


def test_an_excerpt_has_the_letters_that_are_asked_for(world: World) -> None:
    owner = world.organization()
    made = owner.client.post("/bookmarks", {**bookmark(world, owner), "why": "It is never wrong."}).data
    assert owner.client.get(f"/bookmarks/{made['id']}/excerpt?letters=5").data == {"text": "It is"}


def test_only_an_agent_that_is_there_can_be_marked(world: World) -> None:
    refused = world.organization().client.post("/bookmarks", {"agent_id": "agent_01h455vb4pex5vsknk084sn02q", "name": "Nobody"})
    assert refused.codes == {"agent_id": ["invalid_reference"]}
