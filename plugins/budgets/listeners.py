"""Reactions to events: move a budget when the object that it limits moves in the tree."""

from typing import TYPE_CHECKING

from . import service

if TYPE_CHECKING:
    from aasim_core.events.records import EventRow


def follow(event: "EventRow") -> None:
    """Move the budgets of an agent or a key along, in the transaction that gives it another project."""
    if event.subject_id is not None and "project_id" in (event.changes or {}):
        service.follow(event.subject_id, event.changes["project_id"][1])
