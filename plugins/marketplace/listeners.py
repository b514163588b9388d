"""Reactions to events: a listing moves in the tree with its agent."""

from typing import TYPE_CHECKING

from . import service

if TYPE_CHECKING:
    from aasim_core.events.records import EventRow


def follow(event: "EventRow") -> None:
    """Move the listings of an agent along, in the transaction that gives it another project."""
    if event.subject_id is not None and "project_id" in (event.changes or {}):
        service.follow(event.subject_id, event.changes["project_id"][1])
