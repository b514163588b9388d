"""Reactions to events: whoever waits for a run goes on when it is over."""

from typing import TYPE_CHECKING

from . import service

if TYPE_CHECKING:
    from aasim_core.events.log import EventRow


def wake_the_caller(event: "EventRow") -> None:
    """Let the run that started this one go on, in the transaction that ends this one."""
    caller_id = (event.data or {}).get("parent_id")
    if caller_id is not None:
        service.resume(caller_id)
