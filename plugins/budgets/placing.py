"""The place of a budget, its node in the tree, and who sees the budget."""

from collections.abc import Callable, Mapping
from functools import partial

from aasim_core import App, Request
from aasim_core.access import tree
from aasim_core.context import current_organization
from aasim_core.errors import Invalid, Problem, Refused, not_found

from ..agents import service as agents


def find(app: App, req: Request, place_type: str, place_id: str | None) -> tuple[str, str | None]:
    """The id of the place, and the node that it belongs to, None for the organization itself.

    Raises Invalid, of ``place.id``, for a place that is not there for the caller.
    """
    named = place_id or current_organization()
    try:
        return named, _FINDERS[place_type](app, req, named)
    except Refused as refused:
        message = f"There is no such {_words(place_type)} here."
        raise Invalid({"place.id": [Problem("invalid_reference", message)]}) from refused


def _organization(app: App, req: Request, place_id: str) -> str | None:
    if place_id != current_organization():
        raise not_found()
    return None


def _node(kind: str, app: App, req: Request, place_id: str) -> str | None:
    if tree.kind_of(place_id) != kind or not req.rights.knows(place_id):
        raise not_found()
    return place_id


def _agent(app: App, req: Request, place_id: str) -> str | None:
    node_id: str | None = agents.find_allowed("agents:read", place_id, req.rights, req.principal.user_id).project_id
    return node_id


def _api_key(app: App, req: Request, place_id: str) -> str | None:
    if not app.features.is_here("api_keys"):
        raise not_found()
    from . import with_api_keys

    return with_api_keys.node_of(req, place_id)


_FINDERS: Mapping[str, Callable[[App, Request, str], str | None]] = {
    "organization": _organization,
    "agent": _agent,
    "api_key": _api_key,
    **{kind: partial(_node, kind) for kind in ("branch", "department", "project")},
}


def _words(place_type: str) -> str:
    return "API key" if place_type == "api_key" else place_type
