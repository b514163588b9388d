"""Reactions to events, in the transaction that ends a run: it is wound up, and whoever waits for it goes on."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from aasim_core.context import organization_scope
from aasim_core.data.records import find_or_none

from . import service
from .ending import wind_up
from .models import Execution

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.events.log import EventRow


def wind_up_what_ended(app: "App") -> "Callable[[EventRow], None]":
    """Makes the listener that winds up a run that has ended."""

    def listen(event: "EventRow") -> None:
        with organization_scope(event.organization_id):
            execution = find_or_none(Execution, event.subject_id or "")
            if execution is not None:
                wind_up(app, execution)

    return listen


def wake_the_caller(event: "EventRow") -> None:
    """Let the run that started this one go on."""
    caller_id = (event.data or {}).get("parent_id")
    if caller_id is not None:
        service.resume(caller_id)
