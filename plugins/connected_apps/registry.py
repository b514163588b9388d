"""The connectors that plugins bring."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .connecting import AppError, Connector

if TYPE_CHECKING:
    from aasim_core.app import App


def connectors_of(app: "App") -> Mapping[str, Connector]:
    """The connectors that the organization in scope has, by name."""
    return app.offers.here("connectors")


def connector_of(app: "App", provider: str) -> Connector:
    """The connector of that name; `AppError` where the organization in scope does not have it."""
    connector = connectors_of(app).get(provider)
    if connector is None:
        plugin = app.offers.owner_of("connectors", provider)
        off = f"the plugin {plugin}, which provides the connector {provider}, is disabled for the organization"
        raise AppError("not_connected", off if plugin else f"the plugin that provides the connector {provider} is disabled")
    return connector
