"""How tests make roles and let people hold them."""

from typing import Any

from aasim_core.access import grants
from aasim_core.access.records import Grant, Role
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person, World

MANAGING = ["roles:read", "roles:create", "roles:update", "roles:delete"]


def made(owner: Person, name: str, *permissions: str) -> dict[str, Any]:
    return dict(owner.client.post("/roles", {"name": name, "permissions": list(permissions)}).data)


def hold(world: World, person: Person, role_id: str, node_id: str | None = None, **more: Any) -> str:
    """Let the person hold the role; returns the grant's id."""
    with world.app.database.transaction(), organization_scope(person.organization_id):
        return str(grants.grant("user", person.user_id, Role.get_by_id(role_id), node_id, **more).id)


def built_in(owner: Person, name: str) -> dict[str, Any]:
    return dict(owner.client.get(f"/roles?name={name}").data["items"][0])


def grant_of(world: World, person: Person, role_id: str) -> Grant:
    with organization_scope(person.organization_id):
        found: Grant = Grant.get((Grant.subject_id == person.user_id) & (Grant.role_id == role_id))
        return found
