"""JSON as the platform writes it, in the database and in answers."""

from datetime import date, datetime
from typing import Any

import orjson

from ..clock import to_text


def to_json(value: Any) -> bytes:
    """JSON bytes for plain values; an aware datetime becomes text with milliseconds; TypeError for what is not JSON."""
    return orjson.dumps(value, default=_default, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _default(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not JSON; turn it into a number, text, list or object first")
