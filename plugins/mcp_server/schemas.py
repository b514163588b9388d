"""What clients of the protocol send: one message of JSON-RPC 2.0."""

from aasim_core.schemas.fields import Choice, Integer, Json, Object, Text
from aasim_core.schemas.schema import Schema


class MessageIn(Schema):
    """A request, or without `id` a notification."""

    jsonrpc = Choice("2.0", required=True)
    id = Json(max_bytes=1024, description="A text or a whole number, which the answer repeats.")
    method = Text(
        1, 200, required=True, description="initialize, server/discover, ping, tools/list, tools/call …", example="tools/list"
    )
    params = Json(object_only=True, max_bytes=1_048_576, max_depth=32, load_default=dict)


class ErrorOut(Schema):
    """Why a request cannot be carried out, as JSON-RPC has it."""

    code = Integer(required=True, example=-32602)
    message = Text(max_length=10_000, required=True, example="There is no tool greeter.")
    data = Json(object_only=True)


class AnswerOut(Schema):
    """The answer to a request: its `result`, or an `error`."""

    jsonrpc = Choice("2.0", required=True)
    id = Json(required=True, allow_none=True, example=1)
    result = Json(object_only=True, example={"content": [{"type": "text", "text": "Hello, Ada."}], "isError": False})
    error = Object(ErrorOut)
