"""Budgets of API keys, where the plugin that makes them is on."""

from aasim_core import Request
from aasim_core.data.records import find_or_none
from aasim_core.errors import not_found
from aasim_core.identity.records import ApiKey

from ..api_keys import service as api_keys


def node_of(req: Request, api_key_id: str) -> str | None:
    """The project that the key is for, if it is for one; raises the one 404 for a key that is not there for the caller."""
    key: ApiKey | None = find_or_none(ApiKey, api_key_id)
    if key is None or not api_keys.is_visible(req.principal, req.rights, key):
        raise not_found()
    node_id: str | None = key.project_id
    return node_id
