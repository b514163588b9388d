"""The dashboard: key figures, in cards that plugins provide."""

from collections.abc import Sequence

from aasim_core import App, Permission, Plugin, Resource, hookimpl
from aasim_core.access.permissions import EVERYBODY

from . import administration, api
from .hookspecs import Card

plugin = Plugin("Dashboard", "The numbers that one looks at first, each with the list behind it.", requires=("organizations",))


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about the dashboard."""
    return (Permission("dashboard:read", "See the dashboard; of each card what one may see anyway", roles=EVERYBODY),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /dashboard, and that of an organization."""
    return (api.Dashboard(app),)


@hookimpl
def dashboard_cards(app: App) -> Sequence[Card]:
    """The card for platform administrators."""
    return (administration.CARD,)
