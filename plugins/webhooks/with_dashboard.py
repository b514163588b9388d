"""The card of webhooks, if the plugin dashboard is enabled."""

from ..dashboard.hookspecs import Card, Figures, Viewer
from .models import ACTIVE, AUTO_DISABLED

_LIST = "/webhooks"


def _figures(viewer: Viewer) -> Figures:
    return {
        "active": viewer.count(_LIST, status=ACTIVE),
        "disabled_for_failures": viewer.count(_LIST, status=AUTO_DISABLED),
        "with_held_events": viewer.count(_LIST, **{"held_count[gt]": "0"}),
    }


CARD = Card("webhooks", "Webhooks", _figures)
