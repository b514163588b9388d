"""Budgets of API keys, if their plugin is enabled."""

from aasim_core import Request
from aasim_core.data.records import find_or_none
from aasim_core.errors import not_found
from aasim_core.identity.records import ApiKey

from ..api_keys import service as api_keys


def node_of(req: Request, api_key_id: str) -> str | None:
    """Return the key's project, if it has one; raises the uniform 404 for a key that is not visible to the caller."""
    key: ApiKey | None = find_or_none(ApiKey, api_key_id)
    if key is None or not api_keys.is_visible(req.principal, req.rights, key):
        raise not_found()
    node_id: str | None = key.project_id
    return node_id
