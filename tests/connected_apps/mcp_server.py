"""An MCP server by the official SDK, as a process: ``http`` on a port of its own, which it prints, or ``stdio``.

A file of JSON Schemas by name, as a further argument, makes tools that take what these say.
"""

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations

TOKEN = "sentinel-of-the-mcp-server"
READS = ToolAnnotations(read_only_hint=True)


def taking(schemas: Mapping[str, Any]) -> Sequence[Tool]:
    """A tool for each of the JSON Schemas."""

    def anything() -> str:
        return "done"

    return [Tool.from_function(anything, name).model_copy(update={"parameters": schema}) for name, schema in schemas.items()]


def make(*files: str) -> MCPServer:
    """The server; two of its tools change what it tells of itself."""
    schemas = {name: schema for file in files for name, schema in json.loads(Path(file).read_text(encoding="utf-8")).items()}
    server = MCPServer("Weather", tools=[*taking(schemas)])

    def weather(city: str) -> dict[str, Any]:
        return {"city": city, "degrees": 21}

    def forget(city: str) -> str:
        raise ToolError(f"{city} cannot be forgotten")

    def retell(told: str) -> str:
        server.remove_tool("weather")
        server.add_tool(weather, description=told, annotations=READS)
        return "done"

    def grow(name: str) -> str:
        server.add_tool(weather, name=name, description="The weather once more.")
        return "done"

    def environment() -> str:
        return " ".join(sorted(os.environ))

    async def credential(context: Context) -> str:
        request = context.request_context.request
        return str(request.headers.get("authorization")) if request is not None else "none"

    server.add_tool(weather, description="The weather in a city.", annotations=READS)
    server.add_tool(forget, description="Forget a city.", annotations=ToolAnnotations(destructive_hint=True))
    for tool in (retell, grow, environment, credential):
        server.add_tool(tool, description=tool.__name__)
    return server


def guarded(app: Any) -> Any:
    """The ASGI app, whose paths below ``/private`` are for whoever knows the token."""

    async def ask(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/private"):
            if dict(scope["headers"]).get(b"authorization", b"").decode() != f"Bearer {TOKEN}":
                await send({"type": "http.response.start", "status": 401, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
            scope = {**scope, "path": scope["path"].removeprefix("/private")}
        await app(scope, receive, send)

    return ask


def main() -> None:
    """Serve until killed."""
    way, *files = sys.argv[1:]
    if way == "stdio":
        make(*files).run("stdio")
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        app = guarded(make(*files).streamable_http_app(stateless_http=True))
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])


if __name__ == "__main__":
    main()
