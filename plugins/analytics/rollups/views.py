"""Views of a cube: sums over some of its dimensions, which have few entries and answer most queries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import combinations

from .cube import DIMENSIONS, Cube, Written

#: What belongs together in a key: a version is one of an agent, an error one of a status.
PARTS: Mapping[str, tuple[str, ...]] = {
    "agent": ("agent", "version"),
    "project": ("project",),
    "engine": ("engine",),
    "trigger": ("trigger",),
    "status": ("status", "error"),
}
#: What a project is below; it follows from the tree, so no number has it in its key.
ABOVE = ("department", "branch")
#: What can be grouped by.
GROUPS = (*DIMENSIONS, *ABOVE)
_PART_OF = {name: part for part, names in PARTS.items() for name in names}
_STATUS = DIMENSIONS.index("status")


@dataclass(frozen=True)
class View:
    """Some of `PARTS`, in their order.

    A view with the status is of the runs that ended, with what was spent for them: calls have no status. In others, what was spent is told
    once, by the calls.
    """

    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name in stored sums."""
        return ",".join(self.parts)

    @cached_property
    def dimensions(self) -> tuple[str, ...]:
        """What its keys are made of."""
        return tuple(name for part in self.parts for name in PARTS[part])

    @property
    def of_runs(self) -> bool:
        """Whether everything that is counted is of runs that ended."""
        return "status" in self.parts

    def add(self, cube: Cube, entries: Iterable[Written]) -> None:
        """Add entries of quarters to a cube of the view."""
        places, of_runs = [DIMENSIONS.index(name) for name in self.dimensions], self.of_runs
        for entry in entries:
            key = entry[0]
            is_call = key[_STATUS] is None
            if not (of_runs and is_call):
                cube[tuple([key[place] for place in places])].add(entry, with_spent=of_runs or is_call)


def view_of(names: Collection[str]) -> View:
    """The smallest view that has these dimensions."""
    parts = {_PART_OF[name] for name in names}
    return View(tuple(part for part in PARTS if part in parts))


def _with_project(pair: tuple[str, ...]) -> View:
    return view_of({"project", *pair})


#: The period before the last summed day for which hourly sums of every view in `KEPT` stay: for days of other time zones.
ALL_HOURS = timedelta(days=40)
#: The views with hourly sums, which are never deleted.
SMALL = (View(()), *(View((part,)) for part in PARTS), _with_project(("agent",)))
#: The views with daily sums: every pair of dimensions, and within projects too, for callers who may see only some.
KEPT = tuple(
    dict.fromkeys((*SMALL, *(View(pair) for pair in combinations(PARTS, 2)), *(map(_with_project, combinations(PARTS, 2)))))
)
