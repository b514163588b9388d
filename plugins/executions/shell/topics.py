"""Match events to waits: by a pattern of names, a subject, and a filter.

A topic is written ``teams.*`` or ``teams.*/team_…``. It is the correlation of a wait without a filter; that of one with a filter is a JSON
list of the topic, the filter, and the values that this names besides the event.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aasim_core.events.records import EventRow
from aasim_core.text.json import to_json

#: How long a correlation may be, in bytes: it stands in an index.
LONGEST = 2_400


class Watched(NamedTuple):
    """What a wait is for."""

    topic: str
    filter: str | None = None
    named: Mapping[str, Any] = {}

    @property
    def pattern(self) -> str:
        """The pattern of the events' names."""
        return self.topic.partition("/")[0]

    @property
    def subject_id(self) -> str | None:
        """What the events are about, if it has to be one object."""
        _, slash, subject_id = self.topic.partition("/")
        return subject_id if slash else None


def correlation_of(
    pattern: str, subject_id: str | None, filter_: str | None = None, named: Mapping[str, Any] | None = None
) -> str:
    """The correlation of a wait; ValueError, with a sentence for people, where that is too long."""
    topic = pattern if subject_id is None else f"{pattern}/{subject_id}"
    correlation = topic if filter_ is None else to_json([topic, filter_, named or {}]).decode()
    if len(correlation.encode()) > LONGEST:
        raise ValueError(
            f"What is waited for has more than {LONGEST} bytes; name less in the filter, such as input.id instead of input."
        )
    return correlation


def watched(correlation: str) -> Watched:
    """What the wait of that correlation is for."""
    return Watched(*json.loads(correlation)) if correlation.startswith("[") else Watched(correlation)


def topic_of(correlation: str) -> str | None:
    """The topic of a wait for an event that has a filter; None where the correlation is the topic."""
    return watched(correlation).topic if correlation.startswith("[") else None


def topics_of(event: EventRow) -> Sequence[str]:
    """The topics that an event has."""
    family, _, member = event.name.partition(".")
    patterns = [event.name, f"{family}.*", f"*.{member}", "*.*", "*"]
    return [*patterns, *(f"{pattern}/{event.subject_id or ''}" for pattern in patterns)]
