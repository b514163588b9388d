"""The card of what was spent today, if the plugin dashboard is enabled."""

from urllib.parse import urlencode

from aasim_core.access.records import Node
from aasim_core.clock import to_text

from ..dashboard.hookspecs import Card, Figure, Figures, Viewer
from .answers import Asked, rows
from .periods import QUARTER, TOTAL, ceiling, quarter_of
from .scope import READ, projects_within


def _figures(viewer: Viewer) -> Figures | None:
    """Tokens, and what calls cost in millionths of each currency, since the day began; no card for those who may not see analytics."""
    if not viewer.app.rights.of(viewer.principal).has_anywhere(READ):
        return None
    start = ceiling(viewer.today)
    projects = projects_within(viewer.within(READ, Node, "id"))
    found = rows(viewer.app, Asked((start,), quarter_of(viewer.moment) + QUARTER, (), projects))
    link = f"/api/v1/analytics/executions?{urlencode({'from': to_text(start), 'interval': TOTAL})}"
    return {
        "tokens_today": Figure(sum(row["input_tokens"] + row["output_tokens"] for row in found), link=link),
        **{f"cost_today_{each['currency']}": Figure(each["cost"], link=link) for row in found for each in row["costs"]},
    }


CARD = Card("spending", "Spending", _figures)
