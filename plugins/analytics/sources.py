"""Where the numbers of a range are read: sums of days and of hours, quarters, and the rows of executions and calls since then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aasim_core.clock import from_text, to_text
from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind

from . import facts, views
from .cube import Written, read
from .models import Progress, Quarter, Sum
from .periods import BEGINNING, DAY, HOUR, next_start, start_of
from .views import View

_UTC = ZoneInfo("UTC")
_HOUR = timedelta(hours=1)
#: In so many hours at most, an interval begins; each of them takes statements of its own.
_MOST_SPLIT = 100
#: The beginning of a part of the range, its entries, and whether they are of the view already.
Part = tuple[datetime, Sequence[Written], bool]


@dataclass(frozen=True)
class Marks:
    """Up to when there is what, see `models.Progress`."""

    written: datetime = BEGINNING
    hours: datetime = BEGINNING
    days: datetime = BEGINNING
    timezone: str = "UTC"


def parts_of(starts: Sequence[datetime], end: datetime, view: View) -> Iterator[Part]:
    """What was counted from the first of the `starts` until before the end, in parts none of which goes beyond one of the `starts`."""
    marks = _marks()
    for level, since, until in _plan(marks, starts, end, view):
        span = {"since": to_text(since), "until": to_text(until)}
        if level == "rows":
            yield from ((start, list(cube.written()), False) for start, cube in facts.counted(since, until).items())
        elif level == "quarters":
            yield from ((from_text(start), read(content), False) for start, content in _quarters.all(**span))
        else:
            found = _sums.all(view=view.name, level=level, **span)
            yield from ((from_text(start), read(content), True) for start, content in found)


def _marks() -> Marks:
    progress: Progress | None = Progress.get_or_none()
    if progress is None:
        return Marks()
    return Marks(progress.written_until, progress.hours_until, progress.days_until, progress.timezone)


def _plan(marks: Marks, starts: Sequence[datetime], end: datetime, view: View) -> Iterator[tuple[str, datetime, datetime]]:
    """The range in pieces, each with the coarsest that there is for it."""
    start, written = starts[0], min(end, marks.written)
    zone = ZoneInfo(marks.timezone)
    first, last = _ceiling(start, DAY, zone), start_of(min(written, marks.days), DAY, zone)
    if view in views.KEPT and first < last and all(start_of(each, DAY, zone) == each for each in starts[1:]):
        yield from _hours(marks, starts, start, first, view)
        yield DAY, first, last
        start = last
    if start < written:
        yield from _hours(marks, starts, start, written, view)
    if written < end:
        yield "rows", max(start, written), end


def _hours(
    marks: Marks, starts: Sequence[datetime], since: datetime, until: datetime, view: View
) -> Iterator[tuple[str, datetime, datetime]]:
    """Hours as far as there are any; quarters for those in which an interval begins, and for the rest."""
    first, last = _ceiling(since, HOUR, _UTC), start_of(min(until, marks.hours), HOUR, _UTC)
    if view not in views.SMALL:
        first = max(first, _ceiling(marks.days, HOUR, _UTC)) if view in views.KEPT else last
    split = {start_of(each, HOUR, _UTC) for each in starts if first < each < last and start_of(each, HOUR, _UTC) != each}
    if len(split) > _MOST_SPLIT:
        first = last
    at = since
    for each in sorted({first, *split, last}) if first < last else ():
        if at < each:
            yield (HOUR if first <= at else "quarters"), at, each
        at = each
        if each in split:
            yield "quarters", each, each + _HOUR
            at = each + _HOUR
    if at < until:
        yield "quarters", at, until


def _ceiling(moment: datetime, level: str, zone: ZoneInfo) -> datetime:
    start = start_of(moment, level, zone)
    return moment if start == moment else next_start(start, level, zone)


@compiled(Quarter)
def _quarters() -> Any:
    since = Quarter.select(Quarter.starts_at, Quarter.content).where(Quarter.starts_at >= Bind("since"))
    return since.where(Quarter.starts_at < Bind("until"))


@compiled(Sum)
def _sums() -> Any:
    of_view = Sum.select(Sum.starts_at, Sum.content).where(Sum.view == Bind("view"), Sum.level == Bind("level"))
    return of_view.where(Sum.starts_at >= Bind("since"), Sum.starts_at < Bind("until"))
