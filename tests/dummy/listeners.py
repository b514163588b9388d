"""The plugin's reactions to events."""

from aasim_core import Refused, enqueue
from aasim_core.events.log import EventRow


def refuse_rudeness(event: EventRow) -> None:
    """Nobody creates a greeting that is called rude."""
    if event.subject_label == "rude":
        raise Refused("conflict", "That is no greeting.")


def answer_later(event: EventRow) -> None:
    """Have the greeting answered in the background, once for each event."""
    enqueue("dummy.answer", {"greeting_id": event.subject_id}, unique_key=event.id)
