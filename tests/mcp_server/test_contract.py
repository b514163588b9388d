"""The contract that every plugin keeps, kept by mcp_server."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "mcp_server"
    samples = {"POST /mcp-server": {"jsonrpc": "2.0", "id": 1, "method": "ping"}}
    silent = {"POST /mcp-server": "what a call begins is an execution, and told by executions"}
