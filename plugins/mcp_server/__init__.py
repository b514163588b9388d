"""The organization's agents as tools for clients of the Model Context Protocol."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aasim_core import Plugin, hookimpl

if TYPE_CHECKING:
    from aasim_core import Resource
    from aasim_core.app import App

    from .settings import McpServerSettings

plugin = Plugin(
    title="MCP server",
    summary="Lets clients of the Model Context Protocol run the organization's agents as tools.",
    requires=("agents", "executions"),
)


@hookimpl
def config_schema() -> "type[McpServerSettings]":
    """The section ``[mcp_server]``."""
    from .settings import McpServerSettings

    return McpServerSettings


@hookimpl
def routes(app: "App") -> "Sequence[Resource]":
    """The one endpoint that speaks the protocol."""
    from .api import McpServer

    return (McpServer(app),)
