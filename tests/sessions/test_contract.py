"""The contract that every plugin keeps, kept by sessions."""

from aasim_core.context import organization_scope
from aasim_core.identity.clients import Client
from aasim_core.tenancy.records import User
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World


def _another_session(world: World, person: Person) -> str:
    """A login of the person on another device."""
    with world.app.database.transaction(), organization_scope(person.organization_id):
        user = User.get_by_id(person.user_id)
        return world.app.sessions.start(user, person.organization_id, Client("192.0.2.7", "curl/8")).session_id


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "sessions"
    objects = {"session_id": _another_session}
    unasked = {"sessions:manage": "It widens the others to the sessions of every member."}
