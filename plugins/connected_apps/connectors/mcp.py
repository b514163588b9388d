"""The connector for servers of the Model Context Protocol: over HTTP, or started by a command that the operator allows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aasim_core.outbound.secret_addresses import Address

from ..connecting import AppError, AuthType, Call, Connection, Connector, Operation
from . import rest

_CONFIG: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "url": {
            "type": "string",
            "maxLength": 2000,
            "description": "The server's endpoint, such as https://mcp.example.com/mcp.",
        },
        "server": {"type": "string", "maxLength": 100, "description": "One of the operator's servers, instead of url."},
    },
}
_NOTHING: Mapping[str, Any] = {"type": "object", "additionalProperties": False, "properties": {}}
_TOKEN: Mapping[str, Any] = {
    "type": "object",
    "required": ["token"],
    "additionalProperties": False,
    "properties": {"token": rest.TOKEN},
}


def connector(servers: Callable[[], Mapping[str, Sequence[str]]]) -> Connector:
    """The connector `mcp`; `servers` are the commands that start servers here, which no request can name."""

    def flaws(config: Mapping[str, Any], auth_type: AuthType) -> Iterable[tuple[str, str]]:
        if ("url" in config) == ("server" in config):
            yield "url", "Write either url or server."
        elif "url" in config:
            if told := rest.url_flaw(config["url"]):
                yield "url", told
        elif config["server"] not in servers():
            yield "server", "The operator has no server of this name in connected_apps.mcp_servers."
        elif auth_type != "mcp":
            yield "server", "A server on this machine takes no token; set auth_type to mcp."

    def call(connection: Connection, asked: Call) -> Any:
        from .mcp_client import call_tool

        return call_tool(connection, _command(connection, servers()), asked)

    def sync(connection: Connection) -> Sequence[Operation]:
        from .mcp_client import list_tools

        return list_tools(connection, _command(connection, servers()))

    def probe(connection: Connection) -> None:
        sync(connection)

    return Connector(
        name="mcp",
        title="MCP server",
        credentials={"mcp": _NOTHING, "bearer": _TOKEN},
        config=_CONFIG,
        addresses=_addresses,
        call=call,
        probe=probe,
        flaws=flaws,
        sync=sync,
    )


def _addresses(config: Mapping[str, Any]) -> Sequence[Address]:
    return [Address.of(config["url"])] if "url" in config else []


def _command(connection: Connection, servers: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """What starts the server; nothing for one over HTTP. `AppError` for one that the operator has taken away."""
    name = connection.config.get("server")
    if name is None:
        return ()
    if not servers.get(name):
        raise AppError("unavailable", f"the operator has no server {name} in connected_apps.mcp_servers any more")
    return servers[name]
