"""The plugin's section of the settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from aasim_core.settings import setting
from aasim_core.settings.checks import are_networks, between


@dataclass(frozen=True)
class ConnectedAppSettings:
    """Where connected apps may be, and what they may start here."""

    allowed_networks: tuple[str, ...] = setting(
        (), "Private networks that connected apps may be in, such as that of a service of your own.", check=are_networks
    )
    mcp_servers: Mapping[str, tuple[str, ...]] = setting(
        {}, "MCP servers that run on this machine: a name for apps to use, and the command that starts one."
    )
    call_seconds: float = setting(60.0, "How long a call of an app may take.", check=between(1, 600))
    log_days: int = setting(90, "Retention of the log of uses.", check=between(1, 3650))
