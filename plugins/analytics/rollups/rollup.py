"""Write rollups: one row for each past quarter of an hour, computed from executions, calls and approvals only.

A quarter is written when it has been over for `MARGIN`, and looked at again when it has been over for `SETTLING`: transactions commit in
another order than they began, and the clocks of machines differ, so a row may appear in a quarter that is written already. What comes later
still would have been in a transaction, or behind by a clock, for as long; `verification` finds it. Answers count what is younger than the
last quarter written from the rows themselves, so they miss nothing meanwhile.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import peewee

from aasim_core.clock import now, to_text
from aasim_core.context import current_organization
from aasim_core.data.records import database_of
from aasim_core.tenancy.records import Organization

from ..models import Progress, Quarter
from ..periods import BEGINNING, QUARTER, quarter_of
from . import facts, sums
from .cube import Cube, text_of

if TYPE_CHECKING:
    from aasim_core.app import App

MARGIN = timedelta(seconds=30)
SETTLING = timedelta(hours=1)


def organizations(app: "App") -> list[str]:
    """The ids of the organizations that have something to write. Needs a system scope."""
    settled: Any = Progress.select(Progress.settled_until).where(Progress.organization_id == Organization.id)
    return sorted(facts.organizations(app, peewee.fn.COALESCE(settled, "")))


def roll_up(app: "App", should_stop: Callable[[], bool] = lambda: False) -> None:
    """Write what is over in the organization in scope, and look again at what was written an hour ago."""
    moment = now()
    _advance(app, Progress.settled_until, moment - SETTLING, should_stop)
    _advance(app, Progress.written_until, moment - MARGIN, should_stop)
    sums.sum_up(should_stop)


def written_until() -> datetime:
    """Up to when all quarters of the organization in scope are written."""
    progress: Progress | None = Progress.get_or_none()
    until: datetime = BEGINNING if progress is None else progress.written_until
    return until


def _advance(app: "App", mark: Any, until: datetime, should_stop: Callable[[], bool]) -> None:
    """Write the quarters from the mark on that are over by then, each in a transaction that moves the mark behind it."""
    end = quarter_of(until)
    at = _mark(mark)
    while at < end and not should_stop():
        first = facts.next_moment(app, at)
        start = end if first is None else min(quarter_of(first), end)
        after = min(start + QUARTER, end)
        # Counted outside of the transaction: SQLite has one writer at a time.
        cube = facts.counted(app, start, after).get(start) if start < end else None
        with database_of(Quarter).transaction(durable=False):
            if not _move(mark, at, after):
                return  # somebody else is at it
            if cube is not None:
                _write(start, cube)
        at = after


def _mark(mark: Any) -> datetime:
    if (progress := Progress.get_or_none()) is None:
        with database_of(Progress).transaction(durable=False):
            Progress.insert(organization_id=current_organization()).on_conflict_ignore().execute()
        progress = Progress.get()
    at: datetime = getattr(progress, mark.name)
    return at


def _move(mark: Any, seen: datetime, after: datetime) -> bool:
    """Move the mark from where it was; what is settled is written, too."""
    written = peewee.Case(None, [(Progress.written_until < after, to_text(after))], Progress.written_until)
    return bool(Progress.update({Progress.written_until: written, mark: after}).where(mark == seen).execute())


def _write(start: datetime, cube: Cube) -> None:
    """Write the quarter, unless retention has deleted executions that it counts."""
    content = text_of(cube)
    query = Quarter.select(Quarter.content, Quarter.verifiable).where(Quarter.starts_at == start)
    before: Quarter | None = query.first()
    if before is None:
        Quarter.insert(organization_id=current_organization(), starts_at=start, content=content).execute()
    elif before.verifiable and before.content != content:
        Quarter.update(content=content).where(Quarter.starts_at == start).execute()
    else:
        return
    sums.invalidate(start)


def keep_before_deletion(app: "App", execution_ids: Iterable[str]) -> None:
    """Note that these executions are deleted: what they were counted in stays as it is. Needs a transaction."""
    quarters = sorted({quarter_of(moment) for moment in facts.moments_of(app, list(execution_ids))})
    until = written_until()
    for start in quarters:
        if start >= until:
            for cube in facts.counted(app, start, start + QUARTER).values():
                _write(start, cube)
    Quarter.update(verifiable=False).where(Quarter.starts_at.in_(quarters), Quarter.verifiable).execute()
