"""Read a request's body, JSON or raw: strictly, within limits, and no further than a refusal needs."""

import re
from collections.abc import Sequence
from typing import Any

import falcon

from ..errors import Refused
from ..schemas.json_values import NO_BODY
from ..schemas.schema import NOTHING, load
from ..schemas.strict_json import parse

JSON = ("application/json",)

_TYPE = re.compile(r'(?P<type>[^\s;]+)[ \t]*(?:;[ \t]*(?:charset=(?P<quote>"?)utf-?8(?P=quote))?[ \t]*)?', re.IGNORECASE)


def read_json(req: falcon.Request, limit: int, media_types: Sequence[str] = JSON) -> Any:
    """Return the JSON value of the body, at most `limit` bytes long; `NO_BODY` when there is none.

    Raises Refused: 411, 413, 415, and 400 for anything but RFC 8259 JSON in UTF-8 without duplicate keys. Raises Invalid, naming the path,
    for numbers and text that cannot be stored.
    """
    length = refuse_bad_framing(req, limit)
    return parse(_received(req, length, media_types, "malformed_json")) if length else NO_BODY


def read_raw(req: falcon.Request, limit: int, media_types: Sequence[str]) -> bytes:
    """Return the raw body, at most `limit` bytes long; raises Refused: 411, 413, 415, and 400 for an incomplete one."""
    length = refuse_bad_framing(req, limit)
    return _received(req, length, media_types, "bad_request") if length else b""


def _received(req: falcon.Request, length: int, media_types: Sequence[str], code: str) -> bytes:
    refuse_other_types(req, media_types)
    raw: bytes = req.bounded_stream.read(length)
    if len(raw) < length:
        raise Refused(code, f"The body ended after {len(raw)} of {length} bytes.")
    return raw


def refuse_bad_framing(req: falcon.Request, limit: int) -> int:
    """Return the length of the body; raises Refused when it is not declared, or exceeds `limit`. Reads nothing."""
    if req.get_header("Transfer-Encoding") is not None:
        raise Refused("length_required", "Send the body with a Content-Length instead of in chunks.")
    length = req.content_length or 0
    if length > limit:
        raise Refused("payload_too_large", f"Send at most {limit} bytes.", meta={"limit": limit})
    return length


def refuse_other_types(req: falcon.Request, media_types: Sequence[str] = JSON) -> None:
    """Raise Refused for a body that has none of these media types in UTF-8, where ``*/*`` is any type, or is compressed."""
    match = _TYPE.fullmatch(req.content_type or "")
    if "*/*" not in media_types and (match is None or match["type"].lower() not in media_types):
        what = "JSON" if media_types == JSON else "the body"
        message = f"Send {what} in UTF-8, with the header Content-Type: {' or '.join(media_types)}."
        raise Refused("unsupported_media_type", message)
    if (req.get_header("Content-Encoding") or "identity").lower() != "identity":
        raise Refused("unsupported_media_type", "Send the body without a Content-Encoding.")


def refuse_fields(value: Any) -> None:
    """Raise Invalid for a body where the operation takes none; an empty object counts as no body."""
    load(NOTHING, value)
