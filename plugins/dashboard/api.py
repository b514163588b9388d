"""The endpoints of the dashboard."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import App, Request, Resource, Response, operation
from aasim_core.clock import now
from aasim_core.context import current_organization
from aasim_core.data.records import find
from aasim_core.tenancy.records import Organization

from . import places, schemas
from .viewing import Viewing, shown


class Dashboard(Resource):
    """The dashboard: the numbers that one looks at first."""

    events = "dashboard"
    paths: ClassVar[Mapping[str, str]] = {"stats": "/dashboard/stats", "of": "/organizations/{organization_id}/dashboard"}
    query, reply, tree_reply = schemas.StatsQuery(), schemas.DashboardOut(), schemas.OrganizationDashboardOut()

    def __init__(self, app: App) -> None:
        self.app = app

    def find(self, req: Request, **ids: str) -> Organization:
        """The organization in scope, which is the one that the path names, if it names one."""
        organization: Organization = find(Organization, current_organization())
        return organization

    def allows(self, req: Request, permission: str, target: Organization) -> bool:
        """Whoever may see the dashboard somewhere sees the cards of what they may see there."""
        return req.rights.has_anywhere(permission)

    @operation("read", query="query", reply="reply", message="Dashboard read.")
    def on_get_stats(self, req: Request, resp: Response) -> None:
        """Read the cards that are for the caller: the numbers that one looks at first, each with the list behind it."""
        resp.media = _cards(self._viewing(req))

    @operation("read", query="query", reply="tree_reply", message="Dashboard read.")
    def on_get_of(self, req: Request, resp: Response, organization_id: str) -> None:
        """Read the cards of an organization, and what belongs to each of its branches and departments."""
        viewing = self._viewing(req)
        resp.media = {**_cards(viewing), "tree": places.shown(viewing)}

    def _viewing(self, req: Request) -> Viewing:
        organization = req.target or self.find(req)
        return Viewing(self.app, req, now(), req.query.get("timezone") or organization.timezone)


def _cards(viewing: Viewing) -> dict[str, Any]:
    return {
        "read_at": viewing.moment,
        "timezone": viewing.timezone,
        "day_starts_at": viewing.today,
        "cards": list(shown(viewing)),
    }
