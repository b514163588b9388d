"""What clients of the protocol send: one message of JSON-RPC 2.0."""

from aasim_core.http.fields import Choice, Json, Text
from aasim_core.http.schema import Schema


class MessageIn(Schema):
    """A request, or without `id` a notification."""

    jsonrpc = Choice("2.0", required=True)
    id = Json(max_bytes=1024, description="A text or a whole number, which the answer repeats.")
    method = Text(1, 200, required=True, description="initialize, server/discover, ping, tools/list, tools/call …")
    params = Json(object_only=True, max_bytes=1_048_576, max_depth=32, load_default=dict)
