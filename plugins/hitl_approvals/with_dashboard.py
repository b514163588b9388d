"""The card of approvals, if the plugin dashboard is enabled."""

from ..dashboard.hookspecs import Card, Figures, Viewer


def _figures(viewer: Viewer) -> Figures:
    return {
        "waiting_for_me": viewer.count("/hitl-approvals/pending"),
        "waiting": viewer.count("/hitl-approvals", status="pending"),
    }


CARD = Card("approvals", "Approvals", _figures)
