"""How long a service asks to be left alone."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from ..clock import now


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the headers of an answer, whose names are in small letters or of any case, ask for; None if they do not."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        return _seconds(headers.get("retry-after", ""))
    except (ValueError, TypeError, OverflowError):  # no number, a date without a zone, one beyond the calendar
        return None


def _seconds(value: str) -> float | None:
    """RFC 9110, 10.2.3: whole seconds, or a date."""
    if not value:
        return None
    if value.replace(".", "", 1).isdigit():
        return float(value)
    return max(0.0, (parsedate_to_datetime(value) - now()).total_seconds())
