"""Activities: who did what to which object, when, and whether anybody has been at the record of it."""

from collections.abc import Sequence

import click

from aasim_core import App, Event, Job, OrganizationSetting, Permission, Plugin, Resource, hookimpl

from . import api, schemas
from . import jobs as background
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
    told = {"format": "json, csv or jsonl.", "filters": "The query that was asked, but for the format."}
    return (Event("activities.exported", "Somebody exported a part of the log", "organization", told),)


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """What keeps the log from growing for ever."""
    return (Job("activities.prune", background.prune(app), schedule="23 * * * *"),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /activities."""
    return api.Activities(app), api.Chain(app)


@hookimpl
def organization_settings(app: App) -> Sequence[OrganizationSetting]:
    """How long an organization keeps its log."""
    return (OrganizationSetting("retention_days", schemas.RETENTION),)


@hookimpl
def commands(app: App) -> Sequence[click.Command]:
    """``aasim activities verify`` and ``restart``."""
    return verify(app), restart(app)
