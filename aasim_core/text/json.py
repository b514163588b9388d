"""JSON as the platform writes it, in the database and in answers."""

import re
from datetime import date, datetime
from typing import Any

import orjson

from ..clock import to_text

_BROKEN_TEXT = re.compile("[\0\ud800-\udfff]")
#: orjson writes no more than 254.
_DEEPEST = 100
_SORTED = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_SORT_KEYS
_MOST_INTEGER, _LEAST_INTEGER = 2**64 - 1, -(2**63)


def to_json(value: Any, *, sort_keys: bool = False) -> bytes:
    """JSON bytes for plain values; an aware datetime becomes text with milliseconds; TypeError for what is not JSON."""
    return orjson.dumps(value, default=_default, option=_SORTED if sort_keys else orjson.OPT_PASSTHROUGH_DATETIME)


def keepable_text(text: str) -> str:
    """The text with U+FFFD for what no database or encoder takes: NUL and surrogates without their pair."""
    if _BROKEN_TEXT.search(text) is None:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def keepable(value: Any, depth: int = _DEEPEST) -> Any:
    """Return a JSON value from outside in storable form: its texts as `keepable_text` returns them, numbers beyond 64 bits as text.

    Values nested deeper than `depth` are omitted.
    """
    if isinstance(value, str):
        return keepable_text(value)
    if isinstance(value, dict | list | tuple) and depth == 0:
        return None
    if isinstance(value, dict):
        return {keepable_text(str(key)): keepable(each, depth - 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [keepable(each, depth - 1) for each in value]
    if isinstance(value, int) and not _LEAST_INTEGER <= value <= _MOST_INTEGER:
        return str(value)
    return value


def _default(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not JSON; turn it into a number, text, list or object first")
