"""Projects: shared work in a department, a branch or the organization."""

from collections.abc import Sequence

from aasim_core import App, Event, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.access.permissions import EVERYBODY
from aasim_core.schemas.fields import Integer, Text

from . import api
from .models import Project

plugin = Plugin(
    "Projects", "What people work on together; agents and what else they make belong to one.", requires=("departments",)
)

_MOVED = {"moved_along": Integer(0, description="How many places moved with it, if it moved.")}


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The project."""
    return (Project,)


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about projects."""
    return (
        Permission("projects:read", "See projects", roles=EVERYBODY),
        Permission("projects:create", "Create projects", roles=("builder",)),
        Permission("projects:update", "Change projects, and move them in the tree", roles=("builder",)),
        Permission("projects:delete", "Delete projects that nothing belongs to", dangerous=True, roles=("builder",)),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to projects."""
    return (
        Event("projects.created", "A project was created", "project"),
        Event("projects.updated", "A project was changed or moved", "project", _MOVED),
        Event(
            "projects.status_changed",
            "A project was put on hold, archived, or made active again",
            "project",
            {"reason": Text(max_length=500, required=True, description="Why.")},
        ),
        Event("projects.deleted", "A project was deleted", "project"),
    )


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints of projects."""
    return (api.Projects(app),)
