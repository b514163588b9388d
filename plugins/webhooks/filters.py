"""Filters: expressions over an event, which leave out what a webhook need not be sent."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from aasim_core.user_code import expressions

#: What a filter can name.
NAMES = ("event",)
#: What a filter may take: less than other expressions, since one job evaluates those of all webhooks of an organization.
_MOST_STEPS = expressions.Steps(read=expressions.LONGEST + 2**20, copied=2**24, compared=12 * 10**8)


class Verdict(NamedTuple):
    """Whether an event is sent, and why the filter has no value for it, where that is so."""

    is_sent: bool
    error: str | None = None


def verdict_on(event: Mapping[str, Any], expression: str | None) -> Verdict:
    """What the filter says of an event, as `events.facts.seen_by_expressions` has it; nothing is left out but where it is false."""
    if expression is None:
        return Verdict(is_sent=True)
    try:
        value = expressions.evaluate(expression, {"event": event}, _MOST_STEPS)
    except ValueError as error:
        return Verdict(is_sent=True, error=str(error))
    is_verdict = isinstance(value, bool)
    return Verdict(value is not False, None if is_verdict else "The filter is neither true nor false here.")
