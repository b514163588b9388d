"""The card of engine calls, if the plugin dashboard is enabled."""

from aasim_core.clock import to_text

from ...dashboard.hookspecs import Card, Figures, Viewer


def _figures(viewer: Viewer) -> Figures:
    """Calls since the day began."""
    return {"calls_today": viewer.count("/engines/calls", **{"created_at[gte]": to_text(viewer.today)})}


CARD = Card("engine_calls", "Calls of engines", _figures)
