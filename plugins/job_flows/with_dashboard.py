"""The card of job flows, if the plugin dashboard is enabled."""

from ..dashboard.hookspecs import Card, Figures, Viewer
from .models import ACTIVE, FAILING, PAUSED

_LIST = "/job-flows"


def _figures(viewer: Viewer) -> Figures:
    return {
        "active": viewer.count(_LIST, status=ACTIVE),
        "paused": viewer.count(_LIST, status=PAUSED),
        "failing": viewer.count(_LIST, status_reason=FAILING),
    }


CARD = Card("job_flows", "Job flows", _figures)
