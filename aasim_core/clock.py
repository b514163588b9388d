"""The platform's time: UTC, in whole milliseconds, as every record and answer shows it."""

from datetime import UTC, datetime
from time import time_ns

import orjson


def now() -> datetime:
    """The present moment in UTC, cut to milliseconds."""
    return datetime.fromtimestamp(time_ns() // 1_000_000 / 1000, UTC)


def to_text(moment: datetime) -> str:
    """RFC 3339 with milliseconds and ``Z``, of fixed width, so that text sorts as time does."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    # orjson writes it in a third of the time that the standard library takes: in quotes, and with the offset at its end.
    seconds = orjson.dumps(moment, option=orjson.OPT_OMIT_MICROSECONDS)[1:20].decode()
    return f"{seconds}.{moment.microsecond // 1000:03d}Z"


def from_text(text: str) -> datetime:
    """The moment that `text` (RFC 3339, with an offset) names; ValueError when it names none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset, such as 2026-01-31T09:00:00Z")
    return moment.astimezone(UTC)
