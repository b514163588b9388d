"""Requests of protocol clients: one message of JSON-RPC 2.0."""

from aasim_core.schemas.fields import Choice, Integer, Json, Object, Text
from aasim_core.schemas.schema import Schema


class MessageIn(Schema):
    """A request, or without `id` a notification."""

    jsonrpc = Choice("2.0", required=True)
    id = Json(max_bytes=1024, description="A string or an integer, which the response repeats.")
    method = Text(
        1, 200, required=True, description="initialize, server/discover, ping, tools/list, tools/call …", example="tools/list"
    )
    params = Json(object_only=True, max_bytes=1_048_576, max_depth=32, load_default=dict)


class ErrorOut(Schema):
    """The error of a request in JSON-RPC."""

    code = Integer(required=True, example=-32602)
    message = Text(max_length=10_000, required=True, example="There is no tool greeter.")
    data = Json(object_only=True)


class AnswerOut(Schema):
    """The response to a request: its `result`, or an `error`."""

    jsonrpc = Choice("2.0", required=True)
    id = Json(required=True, allow_none=True, example=1)
    result = Json(object_only=True, example={"content": [{"type": "text", "text": "Hello, Ada."}], "isError": False})
    error = Object(ErrorOut)
