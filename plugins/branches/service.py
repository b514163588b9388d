"""Data for other plugins: the branches' opening hours."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from .models import Branch

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Hours:
    """Open on one day of the week (0 is Monday), in minutes from midnight on the clock of the branch."""

    weekday: int
    opens: int
    closes: int


@dataclass(frozen=True)
class Opening:
    """When a branch is open, on its own clock."""

    timezone: str
    hours: tuple[Hours, ...]
    holidays: frozenset[date]


def openings(branch_ids: Collection[str]) -> dict[str, Opening]:
    """When those of the branches that there are in the organization in scope are open, by id."""
    found = Branch.select(Branch.id, Branch.timezone, Branch.business_hours, Branch.holidays).where(
        Branch.id.in_(list(branch_ids))
    )
    return {branch.id: _opening_of(branch) for branch in found}


def _opening_of(branch: Branch) -> Opening:
    hours = (Hours(_DAYS.index(one["day"]), _minutes(one["opens"]), _minutes(one["closes"])) for one in branch.business_hours)
    return Opening(branch.timezone, tuple(hours), frozenset(map(date.fromisoformat, branch.holidays)))


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
