"""Verify rollups: count each quarter of an hour again, and compare it and its sums byte for byte."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..models import Progress, Quarter
from ..periods import quarter_of
from . import facts, sums
from .cube import text_of

if TYPE_CHECKING:
    from aasim_core.app import App

_DAY = timedelta(days=1)


@dataclass
class Findings:
    """What was found: how many quarters are as the rows say, when those begin that are not, and those of which rows are deleted.

    `sums` are when hours and days begin whose sums are not those of their quarters, with ``hour`` or ``day``.
    """

    verified: int = 0
    differing: list[datetime] = field(default_factory=list)
    sums: list[tuple[datetime, str]] = field(default_factory=list)
    unverifiable: list[datetime] = field(default_factory=list)

    def add(self, other: "Findings") -> None:
        """Add what was found elsewhere."""
        self.verified += other.verified
        self.differing += other.differing
        self.sums += other.sums
        self.unverifiable += other.unverifiable


def written_organizations() -> list[str]:
    """The ids of the organizations of which something is written. Needs a system scope."""
    query: Any = Progress.select(Progress.organization_id).order_by(Progress.organization_id).tuples()
    return [organization_id for (organization_id,) in query]


def days(app: "App", since: datetime | None, until: datetime | None) -> Iterator[tuple[datetime, datetime]]:
    """The days of UTC in which something of the organization in scope is settled, or the part of them from `since` until `until`.

    What is younger is not compared: it is looked at again an hour after it was written.
    """
    settled = Progress.get().settled_until
    firsts = [Quarter.select(Quarter.starts_at).order_by(Quarter.starts_at).limit(1).scalar(), facts.next_moment(app, _epoch())]
    known = [moment for moment in firsts if moment is not None]
    if not known:
        return
    start, end = quarter_of(max(min(known), since or _epoch())), min(settled, until or settled)
    while start < end:
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
        yield start, min(midnight, end)
        start = midnight


def verify(app: "App", since: datetime, until: datetime) -> Findings:
    """Compare what is written of the organization in scope and begins from `since` until before `until`, as both are at one moment."""
    columns = Quarter.starts_at, Quarter.content, Quarter.verifiable
    query: Any = Quarter.select(*columns).where(Quarter.starts_at >= since, Quarter.starts_at < until).tuples()
    with app.database.snapshot():
        counted = {start: text_of(cube) for start, cube in facts.counted(app, since, until).items()}
        written = {start: (content, verifiable) for start, content, verifiable in query}
        found = Findings(sums=sums.differing(since, until))
    for start in sorted({*counted, *written}):
        content, verifiable = written.get(start, (None, True))
        if not verifiable:
            found.unverifiable.append(start)
        elif content != counted.get(start):
            found.differing.append(start)
        else:
            found.verified += 1
    return found


def _epoch() -> datetime:
    return datetime.fromtimestamp(0, UTC)
