"""The card of the plan, if the plugin dashboard is enabled."""

from ..dashboard.hookspecs import Card, Figure, Figures, Viewer
from .usage import report

_READ, _LINK = "subscriptions:read", "/api/v1/subscriptions/usage"


def _figures(viewer: Viewer) -> Figures | None:
    """How many percent of each limit are used; no card where the plan has none, or usage is not for the viewer."""
    if not viewer.app.rights.of(viewer.principal).allows_at(_READ, None):
        return None
    bounded = [meter for meter in report.told(viewer.app)["meters"] if meter["max"] is not None]
    return {f"{meter['limit']}_percent": Figure(meter["percent"], link=_LINK) for meter in bounded} or None


CARD = Card("subscription", "Plan", _figures)
