"""The dashboard's viewer, and the cards' figures, each computed separately."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import peewee

from aasim_core import App, PluginFault, Refused, Request
from aasim_core.data.faults import fault_of
from aasim_core.serving.counting import count

from .hookspecs import Card, Figure, Figures

#: How long one statement of a card may take.
SECONDS = 0.2
_NOT_FOR_THEM = ("permission_denied", "feature_disabled", "session_required")
_SLOW = {"code": "too_slow", "message": "It took too long to find out; ask for less, or later."}


@dataclass(frozen=True)
class Viewing:
    """See `hookspecs.Viewer`."""

    app: App
    req: Request
    moment: datetime
    timezone: str

    @property
    def principal(self) -> Any:
        """Who looks."""
        return self.req.principal

    @cached_property
    def today(self) -> datetime:
        """When the day began."""
        zone = ZoneInfo(self.timezone)
        return datetime.combine(self.moment.astimezone(zone).date(), time(), zone)

    @cached_property
    def week(self) -> datetime:
        """When the seventh day before began."""
        zone = ZoneInfo(self.timezone)
        return datetime.combine(self.today.date() - timedelta(days=7), time(), zone)

    def count(self, path: str, **filters: str) -> Figure:
        """How many items the list has for them."""
        found = count(self.app, self.req, path, filters)
        return Figure(found.number, found.is_at_least, found.link)

    def within(self, permission: str, model: type, node_field: str) -> list[Any]:
        """What restricts a query to what their rights reach."""
        conditions = self.req.rights.reach_condition(permission, model, node_field)
        return [condition.with_values() for condition in conditions]


def shown(viewing: Viewing) -> Iterator[dict[str, Any]]:
    """The cards that are for the viewer, in the order of their plugins; of one that failed, why."""
    for card in viewing.app.offers.here("dashboard_cards").values():
        told = _told(viewing, card)
        if told is not None:
            plugin = viewing.app.offers.owner_of("dashboard_cards", card.name)
            yield {"name": card.name, "title": card.title, "plugin": plugin, **told}


def _told(viewing: Viewing, card: Card) -> Mapping[str, Any] | None:
    try:
        with viewing.app.database.limited(SECONDS):
            figures = card.figures(viewing)
    except Refused as refused:
        if refused.code in _NOT_FOR_THEM:
            return None
        return {"figures": [], "error": {"code": refused.code, "message": refused.message}}
    except PluginFault as fault:
        return {"figures": [], "error": {"code": "plugin_failed", "message": fault.message}}
    except peewee.OperationalError as error:
        if fault_of(error) != "busy":
            raise
        return {"figures": [], "error": _SLOW}
    return None if figures is None else {"figures": _listed(figures), "error": None}


def _listed(figures: Figures) -> list[dict[str, Any]]:
    return [{"name": name, **vars(figure)} for name, figure in figures.items()]
