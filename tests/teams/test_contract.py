"""The contract that every plugin keeps, kept by teams."""

from collections.abc import Mapping
from typing import Any

from aasim_core.access.roles import built_in_role
from aasim_core.context import organization_scope
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World


def _somebody(world: World, person: Person) -> Mapping[str, Any]:
    return {"user_id": world.member(person, "viewer").user_id}


def _caller(world: World, person: Person, ids: Mapping[str, str]) -> str:
    """The caller, who is in the team."""
    assert person.client.post(f"/teams/{ids['team_id']}/members", {"user_id": person.user_id}).status == 201
    return person.user_id


def _viewer(world: World, person: Person) -> Mapping[str, Any]:
    """A role to give in the whole organization."""
    with organization_scope(person.organization_id):
        return {"role_id": built_in_role("viewer").id, "place": {"type": "organization"}}


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "teams"
    samples = {
        "POST /teams": {"name": "Customer care", "slug": "customer-care"},
        "POST /teams/{team_id}/members": _somebody,
        "POST /teams/{team_id}/assign": _viewer,
    }
    members = {
        "/teams/{team_id}/members/{user_id}": _caller,
        "/teams/{team_id}/assignments/{grant_id}": "POST /teams/{team_id}/assign",
    }
    rows = {"GET /teams/{team_id}/assignments": "POST /teams/{team_id}/assign"}
    copies = {"teammember": _somebody, "grant": lambda world, person: {"node_id": world.node(person, "project")}}
