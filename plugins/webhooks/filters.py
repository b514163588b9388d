"""Filters: expressions over an event that select what a webhook receives."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from aasim_core.events.facts import is_meant

#: What a filter can name.
NAMES = ("event",)


class Verdict(NamedTuple):
    """Whether an event is sent, and why the filter has no value for it, where that is so."""

    is_sent: bool
    error: str | None = None


def verdict_on(event: Mapping[str, Any], expression: str | None) -> Verdict:
    """What the filter says of an event, as `events.facts.seen_by_expressions` has it; nothing is left out but where it is false."""
    if expression is None:
        return Verdict(is_sent=True)
    try:
        return Verdict(is_meant(event, expression))
    except ValueError as error:
        return Verdict(is_sent=True, error=str(error))
