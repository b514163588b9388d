"""How tests change an organization, and what a person may then."""

from collections.abc import Callable
from typing import Any

from aasim_core.access.records import Role
from aasim_core.access.rights import Rights
from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.records import create
from aasim_core.testing.world import Person, World


def change(world: World, owner: Person, action: Callable[[], Any]) -> Any:
    with world.app.database.transaction(), organization_scope(owner.organization_id):
        return action()


def rights_of(app: App, person: Person) -> Rights:
    return app.rights.of(app.authenticator.principal_of_token(str(person.client.token)))


def custom_role(*permissions: str) -> Role:
    role: Role = create(Role, name=f"custom {permissions}", permissions=list(permissions))
    return role
