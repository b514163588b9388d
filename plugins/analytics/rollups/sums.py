"""Sums of quarters for each hour, for six hours, and for each day of the organization's time zone; they only make answers faster.

They are made of the quarters, and made again where one of these changed. Six hours are for days of other time zones. Hours and six hours
are kept in every view for `views.ALL_HOURS`, later in the small views only.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aasim_core.context import current_organization
from aasim_core.data.records import database_of, find, insert_rows
from aasim_core.tenancy.records import Organization

from ..models import Progress, Quarter, Sum
from ..periods import BEGINNING, DAY, HOUR, SIX_HOURS, next_start, start_of
from . import views
from .cube import Cube, read, text_of
from .views import View

_UTC = ZoneInfo("UTC")
#: What is summed, and the mark up to which there are sums of it.
_MARKS = ((HOUR, Progress.hours_until), (SIX_HOURS, Progress.six_hours_until), (DAY, Progress.days_until))
ShouldStop = Callable[[], bool]


def sum_up(should_stop: ShouldStop) -> None:
    """Make the sums of the organization in scope that can be made."""
    timezone = find(Organization, current_organization()).timezone
    progress: Progress | None = Progress.get_or_none()
    if progress is None:
        return
    if progress.timezone != timezone:
        _begin_anew(timezone)
    for level, mark in _MARKS:
        _advance(mark, level, _zone_of(level, timezone), should_stop)


def _zone_of(level: str, timezone: str) -> ZoneInfo:
    return ZoneInfo(timezone) if level == DAY else _UTC


def invalidate(start: datetime) -> None:
    """Have the sums made again from the quarter that begins then. Needs a transaction."""
    for _, mark in _MARKS:
        Progress.update({mark: start}).where(mark > start).execute()


def differing(since: datetime, until: datetime) -> list[tuple[datetime, str]]:
    """The sums that begin from `since` until before `until` and are not what their quarters say: when they begin, and of what they are."""
    progress = Progress.get()
    found = []
    for level, mark in _MARKS:
        zone, made_until = _zone_of(level, progress.timezone), getattr(progress, mark.name)
        quarters: Any = Quarter.select(Quarter.starts_at).where(Quarter.starts_at >= since, Quarter.starts_at < until).tuples()
        for start in sorted({start_of(quarter, level, zone) for (quarter,) in quarters}):
            after = next_start(start, level, zone)
            if start >= since and after <= made_until and not _is_true(level, start, after):
                found.append((start, level))
    return found


def _is_true(level: str, start: datetime, after: datetime) -> bool:
    query: Any = Sum.select(Sum.view, Sum.content).where(Sum.level == level, Sum.starts_at == start).tuples()
    made, kept = {row["view"]: row["content"] for row in _made(level, start, after)}, dict(query)
    needed = {view.name for view in (views.KEPT if level == DAY else views.SMALL)}
    return needed <= kept.keys() and kept.items() <= made.items()


def _begin_anew(timezone: str) -> None:
    """Other days are meant from now on."""
    with database_of(Sum).transaction(durable=False):
        Sum.delete().execute()
        marks = {mark: BEGINNING for _, mark in _MARKS}
        Progress.update({Progress.timezone: timezone, Progress.all_hours_since: BEGINNING, **marks}).execute()


def _advance(mark: Any, level: str, zone: ZoneInfo, should_stop: ShouldStop) -> None:
    progress = Progress.get()
    at, written = getattr(progress, mark.name), start_of(progress.written_until, level, zone)
    while at < written and not should_stop():
        first = Quarter.select(Quarter.starts_at).where(Quarter.starts_at >= at).order_by(Quarter.starts_at).limit(1).scalar()
        start = written if first is None else min(start_of(first, level, zone), written)
        after = start if start == written else next_start(start, level, zone)
        rows = [] if start == written else _made(level, start, after)
        with database_of(Sum).transaction(durable=False):
            if not Progress.update({mark: after}).where(mark == at, Progress.timezone == progress.timezone).execute():
                return  # a quarter has changed meanwhile
            _write(level, start, after, rows)
        at = after


def _made(level: str, start: datetime, after: datetime) -> Sequence[dict[str, Any]]:
    query: Any = Quarter.select(Quarter.content).where(Quarter.starts_at >= start, Quarter.starts_at < after).tuples()
    whole = Cube()
    for (content,) in query:
        for entry in read(content):
            whole[tuple(entry[0])].add(entry)
    entries = list(whole.written())
    organization_id = current_organization()
    return [
        Sum(organization_id=organization_id, view=view.name, level=level, starts_at=start, content=_summed(view, entries)).row()
        for view in views.KEPT
    ]


def _summed(view: View, entries: Sequence[Any]) -> str:
    cube = Cube()
    view.add(cube, entries)
    return text_of(cube)


def _write(level: str, start: datetime, after: datetime, rows: Sequence[dict[str, Any]]) -> None:
    Sum.delete().where(Sum.level == level, Sum.starts_at >= start, Sum.starts_at < after).execute()
    insert_rows(Sum, rows)
    if level == DAY:
        small = [view.name for view in views.SMALL]
        since = after - views.ALL_HOURS
        if Progress.update(all_hours_since=since).where(Progress.all_hours_since < since).execute():
            Sum.delete().where(Sum.level != DAY, Sum.view.not_in(small), Sum.starts_at < since).execute()
