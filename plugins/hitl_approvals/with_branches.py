"""What branches add: their managers decide, and their hours count."""

from datetime import date
from typing import Any

from peewee import fn

from aasim_core.data.records import find_or_none

from ..branches.models import Branch
from .business_time import Calendar, Hours

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def is_manager(branch_id: Any, user_id: Any) -> Any:
    """Whether the user manages the branch, as an expression over two columns."""
    return fn.EXISTS(Branch.select(Branch.id).where(Branch.id == branch_id, Branch.manager_id == user_id))


def calendar_of(branch_id: str) -> Calendar:
    """When the branch is open; one that is gone is always open."""
    branch: Branch | None = find_or_none(Branch, branch_id)
    if branch is None:
        return Calendar()
    hours = tuple(
        Hours(_DAYS.index(one["day"]), _minutes(one["opens"]), _minutes(one["closes"])) for one in branch.business_hours
    )
    return Calendar(branch.timezone, hours, frozenset(map(date.fromisoformat, branch.holidays)))


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
