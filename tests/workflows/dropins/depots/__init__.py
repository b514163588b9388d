"""Depots: places that take parcels, and nodes of workflows that look whether one is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from aasim_core import Permission, Plugin, TenantRecord, hookimpl, hookspecs
from aasim_core.data import records
from aasim_plugins.workflows import hookspecs as workflows
from aasim_plugins.workflows.hookspecs import NodeFailed, NodeType, Result

from .models import Depot

if TYPE_CHECKING:
    from aasim_core import App
    from aasim_plugins.workflows.hookspecs import Data

plugin = Plugin("Depots", "Nodes that look whether a depot is open.", requires=("executions", "workflows"))

LOOK: Mapping[str, Any] = {
    "type": "object",
    "properties": {"depot_id": {"type": "string", "description": "an id that begins with depots_depot_"}},
    "required": ["depot_id"],
    "additionalProperties": False,
}


def look(app: App, config: Mapping[str, Any], data: Data) -> Result:
    depot = records.find_or_none(Depot, data.fill_config(config, LOOK)["depot_id"])
    if depot is None or not app.rights.of(data.principal).allows_at("depots:read", depot.department_id):
        raise NodeFailed("no_depot", "There is no such depot.")
    return Result({"name": depot.name}, "open" if depot.is_open else "closed")


@hookimpl(spec=hookspecs.models)
def models(app: App) -> Sequence[type[TenantRecord]]:
    return [Depot]


@hookimpl(spec=hookspecs.permissions)
def permissions(app: App) -> Sequence[Permission]:
    return [Permission("depots:read", "See depots", roles=("builder", "operator", "viewer"))]


@hookimpl(spec=workflows.node_types)
def node_types(app: App) -> Sequence[NodeType]:
    compute = partial(look, app)
    return [NodeType("depots_look", "Look whether a depot is open.", LOOK, compute, outcomes=lambda config: ["open", "closed"])]
