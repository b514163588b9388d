"""Reactions to events: erase a removed member from the organization's log, if its settings say so."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from aasim_core.jobs.queue import enqueue

from . import service

if TYPE_CHECKING:
    from aasim_core import App
    from aasim_core.events.records import EventRow


def erase_if_wanted(app: "App") -> "Callable[[EventRow], None]":
    """Let a job erase the subject of the event from the log of its organization."""

    def listen(event: "EventRow") -> None:
        if service.erases_removed_members(app, event.organization_id):
            enqueue(service.ERASE, {"user_id": event.subject_id})

    return listen
