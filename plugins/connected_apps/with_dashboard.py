"""The card of connected apps, if the plugin dashboard is enabled."""

from ..dashboard.hookspecs import Card, Figures, Viewer
from .models import CONNECTED, ERROR, EXPIRING, NEEDS_REAUTH

_LIST = "/connected-apps"


def _figures(viewer: Viewer) -> Figures:
    return {status: viewer.count(_LIST, status=status) for status in (CONNECTED, EXPIRING, NEEDS_REAUTH, ERROR)}


CARD = Card("connected_apps", "Connected apps", _figures)
