"""The contract that every plugin keeps, kept by organizations."""

from aasim_core.context import system_scope
from aasim_core.identity.accounts import found_organization
from aasim_core.tenancy.records import User
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.contract.terms import halt
from aasim_core.testing.world import Client, Person, World


def _delete(client: Client, path: str) -> None:
    """Delete what is to be restored."""
    client.delete(path.removesuffix("/restore"))


def _found(world: World, person: Person, times: int) -> None:
    """A person has the organizations that they are a member of."""
    with world.app.database.transaction(), system_scope("test"):
        owner = User.get_by_id(person.user_id)
        for number in range(times):
            found_organization(f"Number {number}", owner)


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "organizations"
    samples = {"POST /organizations": {"name": "Acme", "slug": "acme"}}
    before = {"POST /organizations/{organization_id}/restore": _delete, "POST /organizations/{organization_id}/resume": halt}
    grown = {"organization": _found}
    everywhere = {"GET /organizations/{organization_id}": "members of a part of the organization know of which"}
