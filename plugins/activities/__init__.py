"""Activities: the audit log, with who did what to which object and when, and a check that it is unchanged."""

from collections.abc import Sequence

import click

from aasim_core import App, Event, Job, Listener, OrganizationSetting, Permission, Plugin, Resource, hookimpl
from aasim_core.jobs.declarations import Retry
from aasim_core.resources.exports import MEDIA_TYPES
from aasim_core.schemas.fields import Choice, Text

from . import api, schemas, service
from . import jobs as background
from . import listeners as own_listeners
from .commands import restart, verify

plugin = Plugin("Activities", "The log of all events: lists, exports, verification, retention.")


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about the log."""
    return (
        Permission("activities:read", "See what happened, and verify the log", roles=("auditor",)),
        Permission("activities:export", "Export what happened", dangerous=True, roles=("auditor",)),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to the log itself."""
    told = {
        "format": Choice("json", *MEDIA_TYPES, required=True),
        "filters": Text(max_length=10_000, required=True, description="The query that was asked, but for the format."),
    }
    return (Event("activities.exported", "Somebody exported a part of the log", "organization", told),)


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """Jobs that prune the log, and that erase people from it."""
    return (
        Job("activities.prune", background.prune(app), schedule="23 * * * *"),
        Job(service.ERASE, background.erase(app), retry=Retry(max_attempts=10)),
    )


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """Who is removed from an organization is erased from its log, if it wants that."""
    return (Listener("users.deleted", own_listeners.erase_if_wanted(app)),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /activities."""
    return api.Activities(app), api.Chain(app)


@hookimpl
def organization_settings(app: App) -> Sequence[OrganizationSetting]:
    """The retention of an organization's log, and whether former members are erased from it."""
    return (
        OrganizationSetting("retention_days", schemas.RETENTION),
        OrganizationSetting("erase_removed_members", schemas.ERASE_REMOVED_MEMBERS),
    )


@hookimpl
def commands(app: App) -> Sequence[click.Command]:
    """``aasim activities verify`` and ``restart``."""
    return verify(app), restart(app)
