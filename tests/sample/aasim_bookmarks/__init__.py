"""Bookmarks of agents, as somebody else's distribution might bring them."""

from collections.abc import Sequence

from aasim_core import App, Event, Permission, Plugin, Record, Resource, hookimpl, hookspecs

from . import api
from .models import Bookmark

plugin = Plugin("Bookmarks", "Agents that are worth finding again.", requires=("agents",))


@hookimpl(spec=hookspecs.models)
def models(app: App) -> Sequence[type[Record]]:
    """The bookmark."""
    return (Bookmark,)


@hookimpl(spec=hookspecs.permissions)
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about bookmarks."""
    return (
        Permission("bookmarks:read", "See bookmarks", roles=("builder", "operator", "viewer")),
        Permission("bookmarks:write", "Create, change and delete bookmarks", roles=("builder", "operator")),
    )


@hookimpl(spec=hookspecs.events)
def events(app: App) -> Sequence[Event]:
    """What happens to bookmarks."""
    return (
        Event("bookmarks.created", "A bookmark was created", "bookmarks_bookmark"),
        Event("bookmarks.updated", "A bookmark was changed", "bookmarks_bookmark"),
        Event("bookmarks.deleted", "A bookmark was deleted", "bookmarks_bookmark"),
    )


@hookimpl(spec=hookspecs.routes)
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /bookmarks, and one under /agents."""
    return (api.Bookmarks(app), api.AgentBookmarks(app))
