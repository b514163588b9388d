"""Patterns of event names: a name, ``*``, or one with ``*`` as its first or second part."""

from collections.abc import Collection, Iterable

from ..text.suggestions import did_you_mean

#: The form of a pattern, in words, and as a regular expression.
EXPECTED = 'the name of an event, or a pattern, such as "agents.created", "agents.*" or "*"'
EVENT_PATTERN = r"\*|(?:\*|[a-z][a-z0-9_]*)\.(?:\*|[a-z][a-z0-9_]*)"


def matches(pattern: str, name: str) -> bool:
    """Return whether the pattern matches the event name."""
    if "*" not in pattern:
        return pattern == name
    wanted, found = pattern.partition("."), name.partition(".")
    return pattern == "*" or all(one in ("*", other) for one, other in zip(wanted, found, strict=True))


def is_any(patterns: Iterable[str], name: str) -> bool:
    """Return whether one of the patterns matches the event name."""
    return any(matches(pattern, name) for pattern in patterns)


def flaw(pattern: str, names: Collection[str]) -> str | None:
    """Return a sentence about a pattern that matches none of the event `names`; None for one that does."""
    if pattern in names or any(matches(pattern, name) for name in names):
        return None
    return f"No event has a name like {pattern}.{did_you_mean(pattern, names) or ' GET /api/v1/events lists them.'}"
