"""The MCP server of the recipe of a research agent, by the official SDK, over standard streams."""

from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations


def search_papers(topic: str) -> dict[str, Any]:
    """Search for papers about a topic."""
    return {"papers": [{"title": "Attention Is All You Need", "year": 2017, "topic": topic}]}


if __name__ == "__main__":
    server = MCPServer("Papers")
    server.add_tool(search_papers, annotations=ToolAnnotations(read_only_hint=True))
    server.run("stdio")
