"""The card of engine calls, if the plugin dashboard is enabled."""

from typing import Any

import peewee

from aasim_core.clock import to_text

from ...dashboard.hookspecs import Card, Figure, Figures, Viewer
from .records import EngineCall

_READ = "engines:read_calls"


def _figures(viewer: Viewer) -> Figures:
    """Calls, tokens, and what they cost in millionths of each currency, since the day began."""
    calls = viewer.count("/engines/calls", **{"created_at[gte]": to_text(viewer.today)})
    total, cost = (peewee.fn.SUM(column) for column in (EngineCall.input_tokens + EngineCall.output_tokens, EngineCall.cost))
    within = viewer.within(_READ, EngineCall, "project_id")
    since = EngineCall.select(EngineCall.currency, total, cost).where(EngineCall.created_at >= viewer.today, *within)
    rows: Any = since.group_by(EngineCall.currency).tuples()
    sums = sorted(rows, key=lambda row: row[0] or "")
    costs = {f"cost_today_{currency}": Figure(int(amount or 0), link=calls.link) for currency, _, amount in sums if currency}
    return {
        "calls_today": calls,
        "tokens_today": Figure(sum(int(tokens or 0) for _, tokens, _ in sums), link=calls.link),
        **costs,
    }


CARD = Card("engine_calls", "Calls of engines", _figures)
