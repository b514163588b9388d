"""The envelope of each resource and of each list, as named components."""

from typing import Any

from ..http.operations import Endpoint
from ..lists.query import ListQuery
from ..schemas.schema import PaginationOut
from .components import Components, Use

Shape = dict[str, Any]


def envelope(components: Components, endpoint: Endpoint) -> Shape:
    """Return a reference to ``agents.AgentAnswer``, or for a list to ``agents.AgentList``."""
    reply = endpoint.reply
    if reply is None:
        return components.refer("schemas", _object(success=_TRUE, data={}, message=_TEXT), "core.Answer")
    if not endpoint.operation.many:
        data = components.schema(reply, Use.ANSWER)
        return _named(components, f"{components.name(reply, Use.ANSWER).removesuffix('Out')}Answer", data)
    use = Use.ITEM if isinstance(endpoint.query, ListQuery) else Use.ANSWER
    called = components.name(reply, use).removesuffix("Item").removesuffix("Out")
    items = {"type": "array", "maxItems": 100, "items": components.schema(reply, use)}
    page = _object(items=items, pagination=components.schema(PaginationOut(), Use.ANSWER))
    return _named(components, f"{called}List", components.refer("schemas", page, f"{called}Page"))


def bare(components: Components) -> Shape:
    """Return a reference to the envelope of a response with only a message."""
    return components.refer("schemas", _object(success=_TRUE, data=_NOTHING, message=_TEXT), "core.Done")


_TRUE = {"type": "boolean", "const": True}
_TEXT = {"type": "string", "maxLength": 10_000, "description": "A sentence for people, which may change."}
_NOTHING = {"type": "object", "maxProperties": 0, "description": "Nothing more to say than the message."}


def _named(components: Components, name: str, data: Shape) -> Shape:
    return components.refer("schemas", _object(success=_TRUE, data=data, message=_TEXT), name)


def _object(**properties: Any) -> Shape:
    return {"type": "object", "properties": properties, "required": list(properties)}
