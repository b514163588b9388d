"""Reading JSON strictly, as RFC 8259 has it, and saying where it is wrong."""

import json
import re
from typing import Any

from ..errors import Invalid, Refused
from .json_values import fault_in, joined, shown

#: How deep lists and objects may be nested.
MAX_DEPTH = 32

# A string, or the rest of the text where one is not closed; possessive, so that no text makes it go back.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
# The escapes of NUL and of surrogates, paired or not; neither can stand in JSON unescaped.
_DOUBTFUL = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class _Unkeepable(ValueError):
    """A number that is too large; where it stands is found out only then."""


def parse(raw: bytes) -> Any:
    """The JSON value that `raw` is, in UTF-8 and with each key once in an object.

    Raises Refused for what is no JSON as RFC 8259 has it, and Invalid, naming the path, for numbers and text that could not be kept.
    """
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
