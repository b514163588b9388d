"""Simulate a flow: its firings and runs, given outages and the duration of runs.

The kernel decides about due times, and the admission of executions about starts, as in reality.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import NamedTuple

from ...executions.service import Rule, admissions
from ..firings.overlapping import OVERLAP
from ..kernel import firings
from ..kernel.firings import Planned, Rules

#: Due times that one simulation goes through.
MOST = 20_000


class TooMany(ValueError):
    """More than `MOST` would come due."""


class Outage(NamedTuple):
    """A time in which no worker runs."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Simulated:
    """A firing, with when its run begins and ends, and whether it is cancelled; None where it never begins in that time."""

    planned: Planned
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    is_cancelled: bool = False


def planned_between(rules: Rules, after: datetime, until: datetime, outages: Sequence[Outage]) -> list[tuple[datetime, Planned]]:
    """What becomes of the due times after `after` up to `until`, each with when it is looked at. Raises TooMany."""
    found: list[tuple[datetime, Planned]] = []
    clock = treated = after
    while (due := rules.schedule.next_due(treated)) is not None and due <= until:
        clock = _next_up(max(clock, due), outages)
        if clock > until:
            break
        look = firings.look(rules, treated, clock)
        found += ((clock, one) for one in look.planned)
        treated = look.treated_until
        if len(found) > MOST:
            raise TooMany
    return found


def _next_up(moment: datetime, outages: Sequence[Outage]) -> datetime:
    """The moment, or the next one at which workers run again."""
    for outage in sorted(outages):
        if outage.since <= moment < outage.until:
            moment = outage.until
    return moment


def simulate(
    found: Sequence[tuple[datetime, Planned]], rule: Rule, run: timedelta, jitter: Callable[[datetime], timedelta]
) -> list[Simulated]:
    """The firings in order, with their runs, each of which takes so long, and begins when the rule admits it."""
    starts = sorted((max(seen, one.at + jitter(one.at)), one.at) for seen, one in found if one.outcome == "start")
    runs = _Runs(rule, run)
    for at, due_at in starts:
        runs.ask(due_at, at)
    runs.end_all()
    return [_simulated(one, runs) for one in firings.folded(one for _, one in found)]


def _simulated(one: Planned, runs: "_Runs") -> Simulated:
    if one.outcome != "start":
        return Simulated(one)
    key = one.at.isoformat()
    if key in runs.refused:
        return Simulated(replace(one, outcome="skipped", reason=OVERLAP))
    begins_at, ends_at = runs.began.get(key), runs.ended.get(key)
    return Simulated(one, begins_at, ends_at, key in runs.cancelled)


class _Runs:
    """The runs of a simulation, by their due times."""

    def __init__(self, rule: Rule, length: timedelta) -> None:
        self._rule, self._length = rule, length
        self._state = admissions.Admission()
        self._ends: list[tuple[datetime, str]] = []
        self.began: dict[str, datetime] = {}
        self.ended: dict[str, datetime] = {}
        self.refused: set[str] = set()
        self.cancelled: set[str] = set()

    def ask(self, due_at: datetime, at: datetime) -> None:
        """A run requests its slot at that time."""
        self._end_until(at)
        self._decide(admissions.ask(self._state, self._rule, admissions.Ticket(due_at.isoformat()), _number(at)), at)

    def end_all(self) -> None:
        """Let all runs come to their end."""
        while self._ends:
            self._end_until(self._ends[0][0])

    def _end_until(self, moment: datetime) -> None:
        while self._ends and self._ends[0][0] <= moment:
            at, key = heappop(self._ends)
            if key not in self.cancelled:
                self._release(key, at)

    def _release(self, key: str, at: datetime) -> None:
        self.ended[key] = at
        self._decide(admissions.release(self._state, self._rule, key, _number(at)), at)

    def _decide(self, decision: admissions.Decision, at: datetime) -> None:
        self._state, answers = decision
        for answer in answers:
            _ANSWERS[answer.verdict](self, answer.ticket, at)

    def _admit(self, key: str, at: datetime) -> None:
        self.began[key] = at
        heappush(self._ends, (at + self._length, key))

    def _refuse(self, key: str, _: datetime) -> None:
        self.refused.add(key)

    def _cancel(self, key: str, at: datetime) -> None:
        self.cancelled.add(key)
        if key in self.began:
            self._release(key, at)


_ANSWERS: Mapping[str, Callable[[_Runs, str, datetime], None]] = {
    "admit": _Runs._admit,
    "refuse": _Runs._refuse,
    "cancel": _Runs._cancel,
}


def _number(at: datetime) -> int:
    """Whole milliseconds of UTC since 1970."""
    return round(at.timestamp() * 1000)
