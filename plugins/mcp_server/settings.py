"""The section ``[mcp_server]`` of the settings."""

from dataclasses import dataclass

from aasim_core.settings import setting
from aasim_core.settings.checks import between


@dataclass(frozen=True)
class McpServerSettings:
    """How agents are run for clients of the Model Context Protocol."""

    wait_seconds: int = setting(
        50, "How long a call waits for its run to end; then it answers with the run's id.", check=between(0, 60)
    )
