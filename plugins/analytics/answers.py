"""Answer a query: stored quarters and the rows since then, added up for each interval and group."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aasim_core.access.records import Node
from aasim_core.access.tree import PREFIXES
from aasim_core.data.compiled import compiled

from .rollups.cube import Cube, Numbers
from .rollups.sketch import Sketch, percentiles
from .rollups.sources import parts_of
from .rollups.views import ABOVE, View, view_of

if TYPE_CHECKING:
    from aasim_core.app import App


@dataclass(frozen=True)
class Asked:
    """What is asked: the beginnings of the intervals, the end of the last one, and the names of what is grouped by.

    `projects` are those that may be counted, None for everything; `agents_only` leaves out what is of no agent.
    """

    starts: Sequence[datetime]
    end: datetime
    group_by: Sequence[str]
    projects: Collection[str] | None = None
    agents_only: bool = False

    @property
    def view(self) -> View:
        """What has to be known of each number."""
        above = {"project"} if self.projects is not None or not set(ABOVE).isdisjoint(self.group_by) else set()
        agents = {"agent"} if self.agents_only else set()
        return view_of({*(name for name in self.group_by if name not in ABOVE), *above, *agents})


def rows(app: "App", asked: Asked) -> list[dict[str, Any]]:
    """A row for each interval and group in which something ended or was spent, in the order of both."""
    view = asked.view
    group_of, ends = _grouping(asked.group_by, view), [*asked.starts[1:], asked.end]
    found = []
    for interval, cube in sorted(_cubes(app, asked, view).items()):
        groups: dict[tuple[Any, ...], Numbers] = {}
        for key, numbers in cube.items():
            if not _may_count(asked, view, key):
                continue
            if (group := group_of(key)) in groups:
                groups[group].merge(numbers)
            else:
                groups[group] = numbers
        span = {"starts_at": asked.starts[interval], "ends_at": ends[interval]}
        for group in sorted(groups, key=lambda group: [_sortable(value) for value in group]):
            named = dict(zip(map(field_of, asked.group_by), group, strict=True))
            found.append({**span, "group": named, **_told(groups[group], of_runs=view.of_runs)})
    return found


def _cubes(app: "App", asked: Asked, view: View) -> dict[int, Cube]:
    """The numbers of each interval, by its place."""
    cubes: defaultdict[int, Cube] = defaultdict(Cube)
    for start, entries, is_of_view in parts_of(app, asked.starts, asked.end, view):
        cube = cubes[bisect_right(asked.starts, start) - 1]
        if is_of_view:
            for entry in entries:
                cube[tuple(entry[0])].add(entry)
        else:
            view.add(cube, entries)
    return cubes


def _may_count(asked: Asked, view: View, key: Sequence[Any]) -> bool:
    if asked.projects is not None and key[view.dimensions.index("project")] not in asked.projects:
        return False
    return not asked.agents_only or key[view.dimensions.index("agent")] is not None


def field_of(name: str) -> str:
    """The name of a group's part in responses: of objects, the id."""
    return f"{name}_id" if name in ("agent", "project", "engine", "department", "branch") else name


def _sortable(value: Any) -> tuple[bool, bool, Any]:
    return value is None, isinstance(value, str), value or 0


def _grouping(group_by: Sequence[str], view: View) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """What makes a group of a key of the view."""
    above = {} if set(ABOVE).isdisjoint(group_by) else _places_above()
    places = {name: view.dimensions.index("project" if name in ABOVE else name) for name in group_by}
    return lambda key: tuple([above.get((name, key[places[name]])) if name in ABOVE else key[places[name]] for name in group_by])


def _places_above() -> dict[tuple[str, str | None], str]:
    """The nearest department and branch above each project, as the tree is now."""
    above = {}
    for project_id, path in _projects.all():
        for node_id in path.strip("/").split("/"):
            for kind in ABOVE:
                if node_id.startswith(f"{PREFIXES[kind]}_"):
                    above[kind, project_id] = node_id
    return above


@compiled(Node)
def _projects() -> Any:
    return Node.select(Node.id, Node.path).where(Node.kind == "project")


def _told(numbers: Numbers, *, of_runs: bool) -> dict[str, Any]:
    tried = numbers["runs"] - numbers["cancelled"]
    return {
        **{name: numbers[name] for name in ("runs", "succeeded", "failed", "timed_out", "cancelled")},
        "success_rate": round(numbers["succeeded"] / tried, 4) if tried else None,
        "duration_ms": _spread(numbers.durations, numbers["duration_ms"]),
        "wait_ms": _spread(numbers.waits, numbers["wait_ms"]),
        "calls": None if of_runs else numbers["calls"],
        "input_tokens": numbers["input_tokens"],
        "output_tokens": numbers["output_tokens"],
        "costs": [{"currency": currency, "cost": cost} for currency, cost in sorted(numbers.costs.items())],
        "scored": numbers["scored"],
        "mean_score": round(numbers["score"] / numbers["scored"] / 1_000_000, 4) if numbers["scored"] else None,
        **(dict.fromkeys(_OF_APPROVALS) if of_runs else _decided(numbers)),
    }


_OF_APPROVALS = ("approved", "rejected", "expired", "approval_rate", "decision_ms")


def _decided(numbers: Numbers) -> dict[str, Any]:
    asked = sum(numbers[name] for name in ("approved", "rejected", "expired"))
    return {
        **{name: numbers[name] for name in ("approved", "rejected", "expired")},
        "approval_rate": round(numbers["approved"] / asked, 4) if asked else None,
        "decision_ms": _spread(numbers.decisions, numbers["decision_ms"]),
    }


def _spread(sketch: Sketch, total: int) -> dict[str, int] | None:
    """None where nothing was measured, such as no run that had begun."""
    if not sketch:
        return None
    p50, p95 = percentiles(sketch, 50, 95)
    return {"mean": round(total / sum(sketch.values())), "p50": p50, "p95": p95}
