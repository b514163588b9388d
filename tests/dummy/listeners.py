"""The plugin's reactions to events, and what was done last."""

from collections import deque

from aasim_core import ErrorCode, Kept, Refused, Span, enqueue
from aasim_core.events.records import EventRow

#: The last spans.
DONE: Kept[deque[Span]] = Kept(lambda app: deque(maxlen=10))

RUDE = ErrorCode("dummy_rude", 409, "the greeting is rude", "greet politely", example="That is no greeting.")


def refuse_rudeness(event: EventRow) -> None:
    """Nobody creates a greeting that is called rude."""
    if event.subject_label == "rude":
        raise Refused(RUDE, "That is no greeting.")


def expects_an_answer(event: EventRow) -> bool:
    """Whether the greeting is one that is answered."""
    return event.subject_label != "farewell"


def answer_later(event: EventRow) -> None:
    """Have the greeting answered in the background, once for each event."""
    enqueue("dummy.answer", {"greeting_id": event.subject_id}, unique_key=event.id)
    if event.subject_label == "unlucky":
        raise RuntimeError("a listener fails after it has enqueued a job")
