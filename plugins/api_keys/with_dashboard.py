"""The card of API keys, if the plugin dashboard is enabled."""

from datetime import timedelta

from aasim_core.clock import to_text

from ..dashboard.hookspecs import Card, Figures, Viewer

_LIST = "/api-keys"
_SOON = timedelta(days=14)


def _figures(viewer: Viewer) -> Figures:
    soon = to_text(viewer.moment + _SOON)
    return {
        "active": viewer.count(_LIST, status="active"),
        "expiring_within_14_days": viewer.count(_LIST, status="active", **{"expires_at[lt]": soon}),
    }


CARD = Card("api_keys", "API keys", _figures)
