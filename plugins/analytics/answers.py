"""What is answered: the numbers of the quarters that are written, and of the rows since then, added up for each interval and group."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aasim_core.access.records import Node
from aasim_core.access.tree import PREFIXES
from aasim_core.clock import from_text, to_text
from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind

from . import facts, rollup
from .cube import DIMENSIONS, Numbers, Written, read
from .models import Quarter
from .sketch import Sketch, percentile

#: What a project is below.
_ABOVE = ("department", "branch")
#: What can be grouped by.
GROUPS = (*DIMENSIONS, *_ABOVE)
#: What only runs have: grouped by it, what was spent is that of the runs that ended.
_OF_RUNS = frozenset(("status", "error"))
_AGENT, _PROJECT, _STATUS = (DIMENSIONS.index(name) for name in ("agent", "project", "status"))
_SUCCEEDED, _FAILED, _TIMED_OUT, _CANCELLED = "succeeded", "failed", "timed_out", "cancelled"
_STATUSES = (_SUCCEEDED, _FAILED, _TIMED_OUT, _CANCELLED)


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
    def of_runs(self) -> bool:
        """Whether everything that is counted must be of runs that ended."""
        return not _OF_RUNS.isdisjoint(self.group_by)


class _Line:
    """The numbers of one interval and group, and how many runs ended in which way."""

    def __init__(self) -> None:
        self.numbers = Numbers()
        self.ended = dict.fromkeys(_STATUSES, 0)


def rows(asked: Asked) -> list[dict[str, Any]]:
    """A row for each interval and group in which something ended or was spent, in the order of both."""
    lines: dict[tuple[int, tuple[Any, ...]], _Line] = {}
    group_of = _grouping(asked.group_by)
    for start, written in _counted(asked):
        interval = bisect_right(asked.starts, start) - 1
        for each in written:
            if _is_asked(asked, each):
                place = interval, group_of(each[0])
                line = lines.get(place) or lines.setdefault(place, _Line())
                _add(line, each, of_runs=asked.of_runs)
    ends = [*asked.starts[1:], asked.end]
    order = sorted(lines, key=lambda place: (place[0], [_sortable(value) for value in place[1]]))
    return [
        {
            "starts_at": asked.starts[interval],
            "ends_at": ends[interval],
            "group": dict(zip(map(field_of, asked.group_by), group, strict=True)),
            **_told(lines[interval, group], of_runs=asked.of_runs),
        }
        for interval, group in order
    ]


def field_of(name: str) -> str:
    """What the part of a group is called in answers: of objects, the id is told."""
    return f"{name}_id" if name in ("agent", "project", "engine", "department", "branch") else name


def _sortable(value: Any) -> tuple[bool, bool, Any]:
    return value is None, isinstance(value, str), value or 0


def _counted(asked: Asked) -> Iterator[tuple[datetime, Iterable[Written]]]:
    """What was counted in each quarter of the range."""
    start, until = asked.starts[0], rollup.written_until()
    span = {"since": to_text(start), "until": to_text(min(asked.end, until))}
    for starts_at, content in _quarters.all(**span):
        yield from_text(starts_at), read(content)
    if until < asked.end:
        for quarter, cube in facts.counted(max(start, until), asked.end).items():
            yield quarter, cube.written()


@compiled(Quarter)
def _quarters() -> Any:
    since = Quarter.select(Quarter.starts_at, Quarter.content)
    return since.where(Quarter.starts_at >= Bind("since"), Quarter.starts_at < Bind("until"))


def _is_asked(asked: Asked, written: Written) -> bool:
    key = written[0]
    if asked.projects is not None and key[_PROJECT] not in asked.projects:
        return False
    return not ((asked.agents_only and key[_AGENT] is None) or (asked.of_runs and key[_STATUS] is None))


def _add(line: _Line, written: Written, *, of_runs: bool) -> None:
    """Add what was spent once: calls tell it, and so do the runs that they were made in."""
    status = written[0][_STATUS]
    line.numbers.add(written, with_spent=of_runs or status is None)
    if status is not None:
        line.ended[status] += written[1][0]


def _grouping(group_by: Sequence[str]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """What makes a group of a key."""
    places = {name: DIMENSIONS.index(name) for name in group_by if name in DIMENSIONS}
    above = _places_above() if set(_ABOVE).intersection(group_by) else {}

    def group_of(key: Sequence[Any]) -> tuple[Any, ...]:
        return tuple([key[places[name]] if name in places else above.get((name, key[_PROJECT])) for name in group_by])

    return group_of


def _places_above() -> dict[tuple[str, str | None], str]:
    """The nearest department and branch above each project, as the tree is now."""
    above = {}
    for project_id, path in _projects.all():
        for node_id in path.strip("/").split("/"):
            for kind in _ABOVE:
                if node_id.startswith(f"{PREFIXES[kind]}_"):
                    above[kind, project_id] = node_id
    return above


@compiled(Node)
def _projects() -> Any:
    return Node.select(Node.id, Node.path).where(Node.kind == "project")


def _told(line: _Line, *, of_runs: bool) -> dict[str, Any]:
    numbers, ended = line.numbers, line.ended
    tried = ended[_SUCCEEDED] + ended[_FAILED] + ended[_TIMED_OUT]
    return {
        "runs": numbers["runs"],
        **ended,
        "success_rate": round(ended[_SUCCEEDED] / tried, 4) if tried else None,
        "duration_ms": _spread(numbers.durations, numbers["duration_ms"]),
        "wait_ms": _spread(numbers.waits, numbers["wait_ms"]),
        "calls": None if of_runs else numbers["calls"],
        "input_tokens": numbers["input_tokens"],
        "output_tokens": numbers["output_tokens"],
        "costs": [{"currency": currency, "cost": cost} for currency, cost in sorted(numbers.costs.items())],
        "scored": numbers["scored"],
        "mean_score": round(numbers["score"] / numbers["scored"] / 1_000_000, 4) if numbers["scored"] else None,
    }


def _spread(sketch: Sketch, total: int) -> dict[str, int] | None:
    """None where no run had begun."""
    count = sum(sketch.values())
    if not count:
        return None
    return {"mean": round(total / count), "p50": percentile(sketch, 50) or 0, "p95": percentile(sketch, 95) or 0}
