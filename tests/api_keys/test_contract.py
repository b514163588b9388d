"""The contract that every plugin keeps, kept by api_keys."""

from collections.abc import Mapping
from typing import Any

from aasim_core.access.roles import built_in_role
from aasim_core.context import organization_scope
from aasim_core.testing.contract import NODE, PluginContract
from aasim_core.testing.world import Person, World


def _viewer(world: World, person: Person) -> Mapping[str, Any]:
    """A role to limit a key to, in the whole organization."""
    with organization_scope(person.organization_id):
        return {"role_id": built_in_role("viewer").id, "place": {"type": "organization"}}


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "api_keys"
    samples = {
        "PUT /api-keys/{api_key_id}": {"name": "Another", "scopes": ["api_keys:read"]},
        "PATCH /api-keys/{api_key_id}": {"name": "Another"},
        "POST /api-keys/{api_key_id}/assign": _viewer,
    }
    members = {"/api-keys/{api_key_id}/assignments/{grant_id}": "POST /api-keys/{api_key_id}/assign"}
    placed = {"POST /api-keys/{api_key_id}/assign": {"place": {"type": "project", "id": NODE}}}
    rows = {"GET /api-keys/{api_key_id}/assignments": "POST /api-keys/{api_key_id}/assign"}
    copies = {"grant": lambda world, person: {"node_id": world.node(person, "project")}}
    unasked = {"api_keys:manage": "It widens the others to the keys of every member."}
