"""What follows what happens."""

from aasim_core.events.records import EventRow


def is_greeting(event: EventRow) -> bool:
    """Whether the event is about a greeting."""
    return event.name == "greetings.created"


def answer(event: EventRow) -> None:
    """Answer a greeting, in silence."""
