"""The connected apps of a listing's agent, as buyers see them, if the plugin connected_apps is enabled."""

from typing import Any

from ..connected_apps import service as connected_apps


def about(app_id: str) -> dict[str, Any] | None:
    """What the app is called, how it is connected, and the scopes that it has; None for an app that is gone."""
    found = connected_apps.find_or_none(app_id)
    return None if found is None else {"name": found.name, "provider": found.provider, "scopes": found.scopes}
