"""Choose the sources of a time range: sums of days, six hours and hours, quarters, and the rows since the last rollup."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from aasim_core.clock import from_text, to_text
from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind

from ..models import Progress, Quarter, Sum
from ..periods import BEGINNING, DAY, HOUR, SIX_HOURS, next_start, start_of
from . import facts, views
from .cube import Written, read
from .views import View

if TYPE_CHECKING:
    from aasim_core.app import App

_UTC = ZoneInfo("UTC")
#: Of which sums, or quarters or rows, it is, and from when until before when.
Piece = tuple[str, datetime, datetime]
#: The beginning of a part of the range, its entries, and whether they are of the view already.
Part = tuple[datetime, Sequence[Written], bool]


@dataclass(frozen=True)
class Marks:
    """Up to when there is what, see `models.Progress`."""

    written: datetime = BEGINNING
    hours: datetime = BEGINNING
    six_hours: datetime = BEGINNING
    days: datetime = BEGINNING
    all_hours: datetime = BEGINNING
    timezone: str = "UTC"


def parts_of(app: "App", starts: Sequence[datetime], end: datetime, view: View) -> Iterator[Part]:
    """What was counted from the first of the `starts` until before the end, in parts none of which goes beyond one of the `starts`."""
    marks = _marks()
    for level, since, until in _plan(marks, starts, end, view):
        span = {"since": to_text(since), "until": to_text(until)}
        if level == "rows":
            yield from ((start, list(cube.written()), False) for start, cube in facts.counted(app, since, until).items())
        elif level == "quarters":
            yield from ((from_text(start), read(content), False) for start, content in _quarters.all(**span))
        else:
            found = _sums.all(view=view.name, level=level, **span)
            yield from ((from_text(start), read(content), True) for start, content in found)


def _marks() -> Marks:
    progress: Progress | None = Progress.get_or_none()
    if progress is None:
        return Marks()
    sums = progress.hours_until, progress.six_hours_until, progress.days_until
    return Marks(progress.written_until, *sums, progress.all_hours_since, progress.timezone)


def _plan(marks: Marks, starts: Sequence[datetime], end: datetime, view: View) -> Iterator[Piece]:
    """The range in pieces, each with the coarsest that there is for it."""
    written = min(end, marks.written)
    yield from _pieces(_levels(marks, view), starts, starts[0], written)
    if written < end:
        yield "rows", max(starts[0], written), end


class _Level(NamedTuple):
    """Sums, of units that begin in a zone; there are those of the view from `since` until before `until`."""

    name: str
    zone: ZoneInfo
    since: datetime
    until: datetime

    def begins(self, moment: datetime) -> datetime:
        """When the unit began in which the moment is."""
        return start_of(moment, self.name, self.zone)

    def after(self, start: datetime) -> datetime:
        """When the unit begins after the one that the moment is in."""
        return next_start(start, self.name, self.zone)


def _levels(marks: Marks, view: View) -> Sequence[_Level]:
    """The sums that there are of the view, the coarsest first."""
    if view not in views.KEPT:
        return ()
    since = BEGINNING if view in views.SMALL else marks.all_hours
    return (
        _Level(DAY, ZoneInfo(marks.timezone), BEGINNING, marks.days),
        _Level(SIX_HOURS, _UTC, since, marks.six_hours),
        _Level(HOUR, _UTC, since, marks.hours),
    )


def _pieces(levels: Sequence[_Level], starts: Sequence[datetime], since: datetime, until: datetime) -> Iterator[Piece]:
    """Whole units as far as there are any, and for the rest finer ones, quarters in the end."""
    if since >= until:
        return
    if not levels:
        yield "quarters", since, until
        return
    at = since
    for first, last in _whole(levels[0], starts, since, until):
        yield from _pieces(levels[1:], starts, at, first)
        yield levels[0].name, first, last
        at = last
    yield from _pieces(levels[1:], starts, at, until)


def _whole(level: _Level, starts: Sequence[datetime], since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of units that are within the time, and in none of which an interval begins."""
    at, last = max(since, level.since), level.begins(min(until, level.until))
    at = at if level.begins(at) == at else level.after(at)
    split = {level.begins(start) for start in starts if at < start < last and level.begins(start) != start}
    for unit in sorted(split):
        if at < unit:
            yield at, unit
        at = level.after(unit)
    if at < last:
        yield at, last


@compiled(Quarter)
def _quarters() -> Any:
    since = Quarter.select(Quarter.starts_at, Quarter.content).where(Quarter.starts_at >= Bind("since"))
    return since.where(Quarter.starts_at < Bind("until"))


@compiled(Sum)
def _sums() -> Any:
    of_view = Sum.select(Sum.starts_at, Sum.content).where(Sum.view == Bind("view"), Sum.level == Bind("level"))
    return of_view.where(Sum.starts_at >= Bind("since"), Sum.starts_at < Bind("until"))
