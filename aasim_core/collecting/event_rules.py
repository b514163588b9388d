"""Rules for events and listeners: ownership of events, and that what a listener has can be called."""

from collections.abc import Iterator, Mapping

from ..events.declarations import family_of
from ..plugins.declarations import Declarations
from ..plugins.failures import did_you_mean


def event_flaws(owner: str, own: Declarations, declared: Mapping[str, Declarations]) -> Iterator[str]:
    """Return a phrase for each event and listener of the owner that breaks a rule; `declared` is by owner."""
    yield from _strange_events(owner, own, declared)
    yield from _deaf(own, declared)
    yield from _never_asked(own)


def _strange_events(owner: str, own: Declarations, declared: Mapping[str, Declarations]) -> Iterator[str]:
    """Find events declared for another owner, and members of another owner's family."""
    families = {event.name: other for other, one in declared.items() for event in one.events if event.name.endswith(".*")}
    for event in own.events:
        if event.plugin not in ("", owner):
            yield f'gives the event {event.name} to the plugin {event.plugin}; leave out plugin="{event.plugin}"{own.at("events")}'
        if (holder := families.get(family_of(event.name), owner)) != owner:
            told = f"declares the event {event.name}, and the events {family_of(event.name)} are those of the plugin {holder}"
            yield f"{told}{own.at('events')}"


def _deaf(own: Declarations, declared: Mapping[str, Declarations]) -> Iterator[str]:
    """Find listeners for events that can never occur: their owner exists but does not declare the name."""
    events = {event.name for one in declared.values() for event in one.events}
    homes = {*declared, *(name.partition(".")[0] for name in events)}
    for listener in own.listeners:
        known = "*" in listener.pattern or not events.isdisjoint((listener.pattern, family_of(listener.pattern)))
        if not known and listener.pattern.partition(".")[0] in homes:
            advice = did_you_mean(listener.pattern, events)
            yield f"listens to the event {listener.pattern}, which nobody declares{advice}{own.at('listeners')}"


def _never_asked(own: Declarations) -> Iterator[str]:
    """Find predicates of deliveries of listeners that get none."""
    for listener in own.listeners:
        given = [name for name in ("wanted", "at_once") if getattr(listener, name) is not None]
        if given and listener.moment != "after_commit":
            told = f"gives {' and '.join(given)} to the {listener.moment} listener of {listener.pattern}, where nothing calls it"
            yield f'{told}; make the listener "after_commit", or leave it out{own.at("listeners")}'
