"""Branch managers as assignees, and business hours of branches, if the plugin branches is enabled."""

from typing import Any

from peewee import fn

from ..branches.models import Branch
from ..branches.service import openings
from .escalation.business_hours import Calendar, Hours

#: Who manages what.
MANAGERS = (Branch.manager_id, Branch.id)


def is_manager(branch_id: Any, user_id: Any) -> Any:
    """Whether the user manages the branch, as an expression over two columns."""
    return fn.EXISTS(Branch.select(Branch.id).where(Branch.id == branch_id, Branch.manager_id == user_id))


def calendar_of(branch_id: str) -> Calendar:
    """When the branch is open; one that is gone is always open."""
    opening = openings([branch_id]).get(branch_id)
    if opening is None:
        return Calendar()
    hours = tuple(Hours(one.weekday, one.opens, one.closes) for one in opening.hours)
    return Calendar(opening.timezone, hours, opening.holidays)
