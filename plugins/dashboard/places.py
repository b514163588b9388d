"""The cards' figures for each branch and department: the sum over the projects below."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import peewee

from aasim_core import PluginFault, Refused
from aasim_core.access.records import Node
from aasim_core.data import references
from aasim_core.data.faults import fault_of

from .hookspecs import Card
from .viewing import SECONDS, Viewing

#: What has a line of its own, and how the ids of such places begin.
_KINDS = {"branch": "branch", "department": "dept"}
#: Of larger trees only the upper part is shown.
_MOST = 2_000

ByProject = Mapping[str | None, Mapping[str, int]]


def shown(viewing: Viewing) -> list[dict[str, Any]]:
    """Return the branches and departments visible to the viewer, each after its parent, with the figures of everything below it."""
    nodes = list(Node.select().where(Node.kind.in_([*_KINDS, "project"])).order_by(Node.depth, Node.path).limit(_MOST))
    places = [node for node in nodes if node.kind in _KINDS and viewing.req.rights.knows(node.id)]
    names = _names(viewing, places)
    figures = _figures(viewing, nodes)
    return [
        {"id": node.id, "kind": node.kind, "name": names[node.id], "parent_id": node.parent_id, "figures": figures[node.id]}
        for node in sorted(places, key=lambda node: str(node.path))
        if node.id in names
    ]


def _figures(viewing: Viewing, nodes: Sequence[Node]) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
    """By place, by card, and by the figure's name."""
    above = {node.id: node.path.strip("/").split("/") for node in nodes}
    figures: defaultdict[str, dict[str, Counter[str]]] = defaultdict(dict)
    for card, by_project in _told(viewing):
        for project_id, numbers in by_project.items():
            for place in above.get(project_id, ()):
                figures[place].setdefault(card.name, Counter()).update(numbers)
    return figures


def _told(viewing: Viewing) -> Iterable[tuple[Card, ByProject]]:
    """What each card tells; one that fails, takes too long, or is not for the viewer has nothing in the tree."""
    for card in viewing.app.offers.here("dashboard_cards").values():
        if card.by_project is None:
            continue
        try:
            with viewing.app.database.limited(SECONDS):
                by_project = card.by_project(viewing)
        except (Refused, PluginFault):
            continue
        except peewee.OperationalError as error:
            if fault_of(error) != "busy":
                raise
            continue
        yield card, by_project


def _names(viewing: Viewing, places: Sequence[Node]) -> dict[str, str]:
    names: dict[str, str] = {}
    for kind, prefix in _KINDS.items():
        ids = [str(node.id) for node in places if node.kind == kind]
        model = next((model for model in viewing.app.models if getattr(model._meta, "id_prefix", None) == prefix), None)
        if ids and model is not None:
            names.update(references.names(model, ids, []))
    return names
