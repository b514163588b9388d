"""Organizations: their profile and settings, and how they are halted, deleted and restored."""

from collections.abc import Sequence

import click

from aasim_core import App, Event, Job, Permission, Plugin, Resource, hookimpl
from aasim_core.access.permissions import EVERYBODY
from aasim_core.resources import haltable
from aasim_core.schemas.fields import Instant, Text

from . import api, erasure
from .commands import export, list_organizations, reactivate, suspend
from .settings import OrganizationsSettings

plugin = Plugin("Organizations", "The caller's organizations, with their settings; halting, deleting and restoring one.")


@hookimpl
def config_schema() -> type[OrganizationsSettings]:
    """How long deleted organizations can be restored."""
    return OrganizationsSettings


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about organizations."""
    return (
        Permission("organizations:read", "See the organization and its settings", roles=EVERYBODY),
        Permission("organizations:create", "Found further organizations, as their owner"),
        Permission("organizations:update", "Rename the organization, and change its settings"),
        Permission("organizations:halt", "Stop everything that runs, and resume it", dangerous=True, roles=("operator",)),
        Permission("organizations:delete", "Delete, restore and export the organization, as its owner", dangerous=True),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to organizations."""
    why = {"reason": Text(max_length=10_000, multiline=True, required=True, description="Why.")}
    until = {"delete_at": Instant(required=True, description="Until when it can be restored.")}
    return (
        Event("organizations.created", "An organization was founded from this one, by one of its members", "organization"),
        Event("organizations.updated", "The organization or its settings were changed", "organization"),
        *haltable.events_of("organizations", "organization", "Everything in the organization"),
        Event("organizations.deleted", "An owner deleted it", "organization", until),
        Event("organizations.restored", "An owner restored it", "organization"),
        Event("organizations.exported", "An owner or the operator exported everything that it has", "organization"),
        Event("organizations.suspended", "The operator of the installation suspended it", "organization", why),
        Event("organizations.reactivated", "The people who run the installation let it in again", "organization", why),
    )


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """Erasing what cannot be restored any more."""
    return (erasure.job(app),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /organizations."""
    return (api.Organizations(app),)


@hookimpl
def commands(app: App) -> Sequence[click.Command]:
    """``aasim organizations list``, ``suspend``, ``reactivate`` and ``export``."""
    return list_organizations(app), suspend(app), reactivate(app), export(app)
