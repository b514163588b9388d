"""A client of MCP servers by the official SDK, with a session for each call; imported on first use, since it loads the SDK."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
import httpx2
import mcp_types
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from aasim_core.outbound.client import GuardedAsyncTransport, guarded_async_client
from aasim_core.outbound.deadlines import DeadlinePassed, Patience, Stopped, TooLarge
from aasim_core.outbound.egress import NotAllowed

from ..connecting import AppError, Call, Connection, Effect, Operation, not_allowed

Result = TypeVar("Result")

_MOST_PAGES = 20
_LOOK_SECONDS = 0.1
#: The codes that the SDK gives to answers that it cannot make out.
_NOT_UNDERSTOOD = (mcp_types.PARSE_ERROR, mcp_types.INVALID_REQUEST)


def call_tool(connection: Connection, command: Sequence[str], asked: Call) -> Any:
    """The tool's result: what it is as JSON, or else its texts."""

    async def ask(client: Client) -> Any:
        return _value(await client.call_tool(asked.operation, dict(asked.arguments)))

    return _run(connection, command, ask, may_repeat=False)


def list_tools(connection: Connection, command: Sequence[str]) -> list[Operation]:
    """Every tool of the server."""

    async def ask(client: Client) -> list[Operation]:
        found: list[Operation] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await client.list_tools(cursor=cursor)
            found += map(_operation, page.tools)
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    return _run(connection, command, ask, may_repeat=True)


class _Remembering(GuardedAsyncTransport):
    """The SDK tells of a failed request only that the session is over; this keeps why."""

    failure: Exception | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await super().handle_async_request(request)
        except Exception as error:
            self.failure = error
            raise
        if response.status_code in (401, 403):
            self.failure = AppError("auth", f"the server answered {response.status_code}", is_final=True)
        return response


def _run(
    connection: Connection, command: Sequence[str], ask: Callable[[Client], Awaitable[Result]], *, may_repeat: bool
) -> Result:
    patience = connection.patience()
    transport = None if command else _Remembering(connection.egress, patience)

    async def session() -> Result:
        async with anyio.create_task_group() as group:
            group.start_soon(_watch, patience)
            async with _client(connection, command, transport) as client:
                result = await ask(client)
            group.cancel_scope.cancel()
        return result

    try:
        return anyio.run(session)
    except Exception as error:
        causes = [*_causes(transport.failure if transport else None), *_causes(error)]
        raise _app_error(causes, may_repeat=may_repeat) from error


async def _watch(patience: Patience) -> None:
    """End the session when the call has to end."""
    while True:
        patience.check()
        await anyio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def _client(connection: Connection, command: Sequence[str], transport: _Remembering | None) -> AsyncIterator[Client]:
    if transport is None:
        program, *arguments = command
        async with Client(stdio_client(StdioServerParameters(command=program, args=arguments))) as client:
            yield client
        return
    token = connection.credentials.get("token")
    headers = {"Authorization": f"Bearer {token.reveal()}"} if token else {}
    async with (
        guarded_async_client(transport, headers) as http,
        Client(streamable_http_client(connection.config["url"], http_client=http)) as client,
    ):
        yield client


def _causes(error: BaseException | None) -> list[BaseException]:
    if error is None:
        return []
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return [error, *(cause for one in inner for cause in _causes(one))]


def _app_error(causes: Sequence[BaseException], *, may_repeat: bool) -> AppError:
    """What the failure means, the most telling cause first."""
    for kind, make in _MEANINGS:
        found = next((cause for cause in causes if isinstance(cause, kind)), None)
        if found is not None:
            return make(found, not may_repeat)
    return AppError("unavailable", "the server ended the session", unknown=not may_repeat)


_MEANINGS: Sequence[tuple[type[BaseException], Callable[[Any, bool], AppError]]] = (
    (AppError, lambda error, unknown: error),
    (NotAllowed, lambda error, unknown: not_allowed(error.host)),
    (TooLarge, lambda error, unknown: AppError("too_large", "the server answered more than 4 MiB", unknown=unknown)),
    (httpx2.ConnectError, lambda error, unknown: AppError("unavailable", "the server cannot be reached")),
    (httpx2.ConnectTimeout, lambda error, unknown: AppError("unavailable", "the server cannot be reached")),
    (DeadlinePassed, lambda error, unknown: AppError("timeout", "the server did not answer in time", unknown=unknown)),
    (Stopped, lambda error, unknown: AppError("cancelled", "the call was asked to end", unknown=unknown)),
    (httpx2.TimeoutException, lambda error, unknown: AppError("timeout", "the server did not answer in time", unknown=unknown)),
    (MCPError, lambda error, unknown: _refusal(error, unknown=unknown)),
    (FileNotFoundError, lambda error, unknown: AppError("unavailable", "the server's command is not there")),
    (PermissionError, lambda error, unknown: AppError("unavailable", "the server's command may not be run")),
)


def _refusal(error: MCPError, *, unknown: bool) -> AppError:
    """What the server said, or, where the SDK could not understand it, that: the SDK quotes pieces of it, in which secrets hide."""
    if error.code in _NOT_UNDERSTOOD:
        return AppError("invalid_answer", "the server answered something that is no MCP, or takes this for none", unknown=unknown)
    return AppError("refused", "the server refused", error.message)


def _operation(tool: mcp_types.Tool) -> Operation:
    """The tool as the server tells of it. What it says of its effects is a hint, so what it does not say is never taken for safe."""
    hints = tool.annotations or mcp_types.ToolAnnotations()
    effect: Effect = "read" if hints.read_only_hint else "delete" if hints.destructive_hint else "write"
    return Operation(
        tool.name, tool.description or tool.title or "", tool.input_schema, effect,
        idempotent=bool(hints.read_only_hint or hints.idempotent_hint),
    )  # fmt: skip


def _value(result: mcp_types.CallToolResult) -> Any:
    text = "\n".join(each.text for each in result.content if isinstance(each, mcp_types.TextContent))
    if result.is_error:
        raise AppError("refused", "the tool failed", text)
    if result.structured_content is not None:
        return result.structured_content
    left_out = sorted({each.type for each in result.content if not isinstance(each, mcp_types.TextContent)})
    return f"{text}\n[left out: {', '.join(left_out)}]".strip() if left_out else text
