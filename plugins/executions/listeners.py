"""Reactions to events, in the transaction that ends a run: close what is still open in it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from aasim_core.data.records import find_or_none

from .models import Execution
from .turn.ending import wind_up

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.events.records import EventRow


def wind_up_what_ended(app: "App") -> "Callable[[EventRow], None]":
    """Makes the listener that winds up a run that has ended."""

    def listen(event: "EventRow") -> None:
        execution = find_or_none(Execution, event.subject_id or "")
        if execution is not None:
            wind_up(app, execution)

    return listen
