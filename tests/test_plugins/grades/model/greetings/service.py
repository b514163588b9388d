"""What greetings are for."""

from collections.abc import Mapping
from typing import Any

from aasim_core import ErrorCode, JobContext, Refused

GREETINGS_FULL = ErrorCode("greetings_full", 409, "there is no room", "delete a greeting", example="There is no room for it.")


def tidy(context: JobContext, payload: Mapping[str, Any]) -> None:
    """Remove what nobody reads."""


def refuse_full(count: int) -> None:
    """Refused ``greetings_full`` where there are too many."""
    if count > 1_000:
        raise Refused(GREETINGS_FULL, "There is no room; delete a greeting.")
