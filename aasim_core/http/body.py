"""Reading a request's body, JSON or raw: strictly, within limits, and never further than it takes to refuse it."""

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
    """The JSON value of the body, at most `limit` bytes long; `NO_BODY` when there is none.

    Raises Refused: 411, 413, 415, and 400 for what is not JSON as RFC 8259 has it, in UTF-8, with each key once in an object.
    Raises Invalid, naming the path, for numbers and text that could not be kept.
    """
    length = refuse_bad_framing(req, limit)
    return parse(_received(req, length, media_types, "malformed_json")) if length else NO_BODY


def read_raw(req: falcon.Request, limit: int, media_types: Sequence[str]) -> bytes:
    """The body as it is, at most `limit` bytes long; raises Refused: 411, 413, 415, and 400 where not all of it came."""
    length = refuse_bad_framing(req, limit)
    return _received(req, length, media_types, "bad_request") if length else b""


def _received(req: falcon.Request, length: int, media_types: Sequence[str], code: str) -> bytes:
    refuse_other_types(req, media_types)
    raw: bytes = req.bounded_stream.read(length)
    if len(raw) < length:
        raise Refused(code, f"The body ended after {len(raw)} of {length} bytes.")
    return raw


def refuse_bad_framing(req: falcon.Request, limit: int) -> int:
    """The length of the body; raises Refused when it is not announced, or exceeds `limit`. Reads nothing."""
    if req.get_header("Transfer-Encoding") is not None:
        raise Refused("length_required", "Send the body with a Content-Length instead of in chunks.")
    length = req.content_length or 0
    if length > limit:
        raise Refused("payload_too_large", f"Send at most {limit} bytes.", meta={"limit": limit})
    return length


def refuse_other_types(req: falcon.Request, media_types: Sequence[str] = JSON) -> None:
    """Raise Refused for a body that is of none of these types in UTF-8, where ``*/*`` is any type, or is compressed."""
    match = _TYPE.fullmatch(req.content_type or "")
    if "*/*" not in media_types and (match is None or match["type"].lower() not in media_types):
        what = "JSON" if media_types == JSON else "the body"
        message = f"Send {what} in UTF-8, with the header Content-Type: {' or '.join(media_types)}."
        raise Refused("unsupported_media_type", message)
    if (req.get_header("Content-Encoding") or "identity").lower() != "identity":
        raise Refused("unsupported_media_type", "Send the body without a Content-Encoding.")


def refuse_fields(value: Any) -> None:
    """Raise Invalid for a body where the operation takes none; an empty object is as good as no body."""
    load(NOTHING, value)
