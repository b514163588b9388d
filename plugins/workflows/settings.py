"""The plugin's section of the settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aasim_core.settings import setting
from aasim_core.settings.checks import are_networks, between

if TYPE_CHECKING:
    from aasim_core.app import App


@dataclass(frozen=True)
class WorkflowSettings:
    """Where the nodes of workflows may send requests."""

    allowed_networks: tuple[str, ...] = setting(
        (), "Private networks that nodes of the type http may reach, such as that of a service of your own.", check=are_networks
    )
    http_seconds: float = setting(60.0, "How long a request of a node may take.", check=between(1, 600))


def settings_of(app: "App") -> WorkflowSettings:
    """The plugin's section of the settings."""
    return app.settings.section("workflows", WorkflowSettings)
