"""Branches: the locations of an organization, at the top of its tree."""

from collections.abc import Sequence

from aasim_core import App, Event, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.access.permissions import EVERYBODY

from . import api
from .models import Branch

plugin = Plugin("Branches", "The places of an organization, with address, hours and holidays.", requires=("organizations",))


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The branch."""
    return (Branch,)


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about branches."""
    return (
        Permission("branches:read", "See branches", roles=EVERYBODY),
        Permission("branches:create", "Create branches"),
        Permission("branches:update", "Change branches"),
        Permission("branches:appoint", "Name the managers of branches, who decide what approvals put to them", dangerous=True),
        Permission("branches:delete", "Delete branches that nothing belongs to", dangerous=True),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to branches."""
    return (
        Event("branches.created", "A branch was created", "branch"),
        Event("branches.updated", "A branch was changed", "branch"),
        Event("branches.deleted", "A branch was deleted", "branch"),
    )


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints of branches."""
    return (api.Branches(app),)
