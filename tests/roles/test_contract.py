"""The contract that every plugin keeps, kept by roles."""

from collections.abc import Mapping

from aasim_core.access import grants
from aasim_core.access.records import Role
from aasim_core.context import organization_scope
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World


def _hold(world: World, person: Person, ids: Mapping[str, str]) -> None:
    """Let the person hold the role."""
    with world.app.database.transaction(), organization_scope(person.organization_id):
        grants.grant("user", person.user_id, Role.get_by_id(ids["role_id"]))


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "roles"
    samples = {"POST /roles": {"name": "Reader", "permissions": ["roles:read"]}}
    rows = {"GET /roles/{role_id}/holders": _hold}
    everywhere = dict.fromkeys(
        ("GET /roles", "GET /roles/{role_id}"), "whoever gives a role in a branch has to know which there are"
    )
    copies = {"grant": lambda world, person: {"node_id": world.node(person, "project")}}
