"""Parse the wait that a service asks for in its response."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from ..clock import now


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a response's headers (in lower case or any case) ask for; None if they do not."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        return _seconds(headers.get("retry-after", ""))
    except (ValueError, TypeError, OverflowError):  # not a number, a date without a zone, or one out of range
        return None


def _seconds(value: str) -> float | None:
    """RFC 9110, 10.2.3: whole seconds, or a date."""
    if not value:
        return None
    if value.replace(".", "", 1).isdigit():
        return float(value)
    return max(0.0, (parsedate_to_datetime(value) - now()).total_seconds())
