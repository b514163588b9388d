"""Departments: parts of the organization, in branches and in other departments."""

from collections.abc import Sequence

from aasim_core import App, Event, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.access.permissions import EVERYBODY
from aasim_core.schemas.fields import Integer

from . import api
from .models import Department

plugin = Plugin(
    "Departments", "The parts of an organization, in branches and in each other.", requires=("organizations", "branches")
)

_MOVED = {"moved_along": Integer(0, description="How many places moved with it, if it moved.")}


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The department."""
    return (Department,)


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about departments."""
    return (
        Permission("departments:read", "See departments", roles=EVERYBODY),
        Permission("departments:create", "Create departments"),
        Permission("departments:update", "Change departments, and move them in the tree"),
        Permission("departments:appoint", "Name the heads of departments, who decide what approvals put to them", dangerous=True),
        Permission("departments:delete", "Delete departments that nothing belongs to", dangerous=True),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to departments."""
    return (
        Event("departments.created", "A department was created", "dept"),
        Event("departments.updated", "A department was changed or moved", "dept", _MOVED),
        Event("departments.deleted", "A department was deleted", "dept"),
    )


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints of departments."""
    return (api.Departments(app),)
