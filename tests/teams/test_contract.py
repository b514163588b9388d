"""The contract that every plugin keeps, kept by teams."""

from collections.abc import Mapping
from typing import Any

from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World

VIEWER = {"role": "viewer", "resource_type": "organization"}


def _somebody(world: World, person: Person) -> Mapping[str, Any]:
    return {"user_id": world.member(person, "viewer").user_id}


def _member(world: World, person: Person, ids: Mapping[str, str]) -> str:
    """Somebody who is in the team."""
    user_id = world.member(person, "viewer").user_id
    assert person.client.post(f"/teams/{ids['team_id']}/members", {"user_id": user_id}).status == 201
    return user_id


def _grant(world: World, person: Person, ids: Mapping[str, str]) -> str:
    """A role that the team holds."""
    return str(person.client.post(f"/teams/{ids['team_id']}/assign", VIEWER).data["id"])


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "teams"
    samples = {
        "POST /teams": {"name": "Customer care", "slug": "customer-care"},
        "POST /teams/{team_id}/members": _somebody,
        "POST /teams/{team_id}/assign": VIEWER,
    }
    members = {"/teams/{team_id}/members/{user_id}": _member, "/teams/{team_id}/assignments/{grant_id}": _grant}
    rows = {"GET /teams/{team_id}/assignments": "POST /teams/{team_id}/assign"}
    copies = {"teammember": _somebody, "grant": lambda world, person: {"node_id": world.node(person, "project")}}
