"""The connectors that the plugins of this app bring."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .connecting import AppError, Connector

if TYPE_CHECKING:
    from aasim_core.app import App


def connectors_of(app: "App") -> Mapping[str, Connector]:
    """The connectors by name."""
    return app.offers("connectors")


def connector_of(app: "App", provider: str) -> Connector:
    """The connector of that name; `AppError` where the plugin that brings it is off."""
    connector = connectors_of(app).get(provider)
    if connector is None:
        raise AppError("not_connected", f"the plugin that brings the connector {provider} is off")
    return connector
