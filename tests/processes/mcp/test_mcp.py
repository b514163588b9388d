"""The official client of the Model Context Protocol, with a real API and a real worker."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client.client import Client as McpClient
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from ..client import API, Client
from ..installation import Installation

RESULT = "get_execution_result"


def as_client(person: Client, use: Callable[[McpClient], Awaitable[Any]], mode: str = "auto") -> Any:
    """What `use` returns, of a client that speaks for the person."""

    async def connected() -> Any:
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {person.token}"}, timeout=60) as http:
            transport = streamable_http_client(f"http://127.0.0.1:{person.port}{API}/mcp-server", http_client=http)
            async with McpClient(transport, mode=mode) as client:
                return await use(client)

    try:
        return anyio.run(connected)
    except* MCPError as errors:
        # What fails inside of the client's tasks comes wrapped once for each of them.
        raise innermost(errors) from None


def innermost(error: BaseException) -> BaseException:
    """What a nest of groups of errors is about."""
    return innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def tools_of(person: Client, mode: str = "auto") -> set[str]:
    async def names(client: McpClient) -> set[str]:
        return {tool.name for tool in (await client.list_tools()).tools}

    found: set[str] = as_client(person, names, mode)
    return found


def call(person: Client, tool: str, arguments: dict[str, Any], mode: str = "auto") -> Any:
    async def called(client: McpClient) -> Any:
        return await client.call_tool(tool, arguments)

    return as_client(person, called, mode)


@pytest.mark.parametrize("mode", ["auto", "2026-07-28", "legacy"])
def test_the_official_client_lists_and_calls_an_agent(ada: Client, mode: str) -> None:
    ada.agent("The sea is blue.", slug="sea-colour")

    assert {"sea-colour", RESULT} <= tools_of(ada, mode)

    answer = call(ada, "sea-colour", {"input": "What colour is it?"}, mode)
    assert answer.is_error is not True
    assert [block.text for block in answer.content] == ["The sea is blue."]


def test_the_official_client_takes_structured_answers(ada: Client) -> None:
    place = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
    ada.agent({"text": {"colour": "blue"}}, slug="colour", input_schema=place, output_schema={"type": "object"})

    assert call(ada, "colour", {"place": "sea"}).structured_content == {"colour": "blue"}
    assert call(ada, "colour", {}).is_error is True


def test_agents_of_another_organization_are_neither_listed_nor_called(running: Installation, ada: Client) -> None:
    ada.agent("A secret.", slug="adas-own")
    bob = running.visitor.register()

    assert "adas-own" not in tools_of(bob)
    with pytest.raises(MCPError, match="There is no tool adas-own"):
        call(bob, "adas-own", {"input": "x"})
    assert bob.get("/executions").data["items"] == []


def test_without_a_credential_nothing_is_told(ada: Client) -> None:
    with pytest.raises(MCPError):
        tools_of(Client(ada.port, ada.secrets, "guessed"))
