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
    """The dashboard: key figures."""

    events = "dashboard"
    paths: ClassVar[Mapping[str, str]] = {"stats": "/dashboard/stats", "of": "/organizations/{organization_id}/dashboard"}
    query, reply, tree_reply = schemas.StatsQuery(), schemas.DashboardOut(), schemas.OrganizationDashboardOut()

    def __init__(self, app: App) -> None:
        self.app = app

    def find(self, req: Request, **ids: str) -> Organization:
        """Return the organization in scope, which is the one in the path, if any."""
        organization: Organization = find(Organization, current_organization())
        return organization

    def allows(self, req: Request, permission: str, target: Organization) -> bool:
        """Holders of the permission at a node see the cards of everything they may see there."""
        return req.rights.has_anywhere(permission)

    @operation("read", query="query", reply="reply", reach="rows", message="Dashboard read.")
    def on_get_stats(self, req: Request, resp: Response) -> None:
        """Read the caller's cards: key figures, each with the list behind it."""
        resp.media = _cards(self._viewing(req))

    @operation("read", query="query", reply="tree_reply", reach="rows", message="Dashboard read.")
    def on_get_of(self, req: Request, resp: Response, organization_id: str) -> None:
        """Read an organization's cards, with the figures of each of its branches and departments."""
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
