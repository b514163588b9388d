"""The node of a budget's scope, and who sees the budget."""

from collections.abc import Callable, Mapping
from functools import partial

from aasim_core import App, Request
from aasim_core.access import tree
from aasim_core.context import current_organization
from aasim_core.errors import Invalid, Problem, Refused, not_found

from ..agents import service as agents


def place_of(app: App, req: Request, scope_type: str, scope_id: str | None) -> tuple[str, str | None]:
    """The id of the scope, and the node that it belongs to, None for the organization itself.

    Raises Invalid, of ``scope_id``, for a scope that is not there for the caller.
    """
    named = scope_id or current_organization()
    try:
        return named, _FINDERS[scope_type](app, req, named)
    except Refused as refused:
        message = f"There is no such {_words(scope_type)} here."
        raise Invalid({"scope_id": [Problem("invalid_reference", message)]}) from refused


def _organization(app: App, req: Request, scope_id: str) -> str | None:
    if scope_id != current_organization():
        raise not_found()
    return None


def _node(kind: str, app: App, req: Request, scope_id: str) -> str | None:
    if tree.kind_of(scope_id) != kind or not req.rights.knows(scope_id):
        raise not_found()
    return scope_id


def _agent(app: App, req: Request, scope_id: str) -> str | None:
    node_id: str | None = agents.find_allowed("agents:read", scope_id, req.rights, req.principal.user_id).project_id
    return node_id


def _api_key(app: App, req: Request, scope_id: str) -> str | None:
    if not app.features.is_here("api_keys"):
        raise not_found()
    from . import with_api_keys

    return with_api_keys.node_of(req, scope_id)


_FINDERS: Mapping[str, Callable[[App, Request, str], str | None]] = {
    "organization": _organization,
    "agent": _agent,
    "api_key": _api_key,
    **{kind: partial(_node, kind) for kind in ("branch", "department", "project")},
}


def _words(scope_type: str) -> str:
    return "API key" if scope_type == "api_key" else scope_type
