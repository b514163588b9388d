"""Reading a request's body, JSON or raw: strictly, within limits, and never further than it takes to refuse it."""

import json
import re
from collections.abc import Sequence
from typing import Any

import falcon

from ..errors import Invalid, Refused
from ..schemas.json_values import NO_BODY, fault_in, joined, shown
from ..schemas.schema import NOTHING, load

#: How deep lists and objects may be nested.
MAX_DEPTH = 32
JSON = ("application/json",)

# A string, or the rest of the text where one is not closed; possessive, so that no text makes it go back.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
# The escapes of NUL and of surrogates, paired or not; neither can stand in JSON unescaped.
_DOUBTFUL = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_TYPE = re.compile(r'(?P<type>[^\s;]+)[ \t]*(?:;[ \t]*(?:charset=(?P<quote>"?)utf-?8(?P=quote))?[ \t]*)?', re.IGNORECASE)


class _Unkeepable(ValueError):
    """A number that is too large; where it stands is found out only then."""


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


def parse(raw: bytes) -> Any:
    """The JSON value that `raw` is; see `read_json` for what it raises."""
    if nested_deeper(raw, MAX_DEPTH):
        raise Refused("nesting_too_deep", f"Nest at most {MAX_DEPTH} lists and objects.")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise _malformed(f"The body is not UTF-8 at byte {error.start}.") from None
    try:
        value = _STRICT.decode(text)
    except _Unkeepable:
        raise _explained(text) from None
    except json.JSONDecodeError as error:
        raise _malformed(f"The body is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except RecursionError:
        raise Refused("nesting_too_deep", f"Nest at most {MAX_DEPTH} lists and objects.") from None
    if b"\\u" in raw and _DOUBTFUL.search(raw):
        _refuse_faults(value)
    return value


def nested_deeper(raw: bytes, limit: int) -> bool:
    """Whether lists and objects in `raw` are nested deeper than `limit`; takes time in proportion to its length."""
    if raw.count(b"[") + raw.count(b"{") <= limit:
        return False
    brackets = _STRING.sub(b"", raw).translate(_SQUARE, _NO_BRACKET)
    for _ in range(limit):
        brackets = brackets.replace(b"[]", b"")  # the innermost level
    # What is left closed is deeper than the limit; what is left open is as deep as it is long.
    return b"[]" in brackets or (brackets.startswith(b"[") and len(brackets) > limit)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Refused("duplicate_key", f'An object has the key "{shown(twice)}" twice; send it once.')
    return found


def _integer(text: str) -> int:
    # 18 digits and a sign fit in any case; longer ones are looked at where they can be named.
    if len(text) > 18 and (len(text) > 20 or not -(2**63) <= int(text) < 2**63):
        raise _Unkeepable
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _Unkeepable
    return number


def _constant(name: str) -> Any:
    raise _malformed(f"{name} is not JSON; send a number or null.")


_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)
# Cut numbers stay as wrong as they were, and take no time to convert.
_LENIENT = json.JSONDecoder(object_pairs_hook=_object, parse_int=lambda text: int(text[:30]), parse_constant=_constant)


def _explained(text: str) -> Refused:
    """The refusal that names the path of the number that is too large."""
    try:
        _refuse_faults(_LENIENT.decode(text))
    except json.JSONDecodeError as error:
        return _malformed(f"The body is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.")
    except Refused as refused:
        return refused
    return _malformed("A number of the body is too large.")


def _refuse_faults(value: Any) -> None:
    fault = fault_in(value, max_depth=MAX_DEPTH)
    if fault is not None:
        path, problem = fault
        raise Invalid({joined(path): [problem]})


def _malformed(message: str) -> Refused:
    return Refused("malformed_json", message)
