"""Decide due times: on time, late, skipped or missed; equal outcomes are counted together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Literal

from .due_time import LATE_IS_SKIPPED, SUPERSEDED, TOO_LATE, Due
from .schedules import Schedule

Policy = Literal["skip", "run_once", "run_all"]

#: A due time that is looked at later than this was missed, and `Misfire` says what becomes of it.
LATE = timedelta(seconds=60)
#: Maximum number of due times per pass; the late ones beyond it are missed.
MOST_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Misfire:
    """The treatment of due times that are handled late.

    None of them starts (``skip``); the last one does, unless a due time that is not late replaces it (``run_once``); the last `most` do,
    the oldest first (``run_all``). Those later than the `window` never start.
    """

    policy: Policy = "run_once"
    most: int = 1
    window: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Planned:
    """What becomes of a due time: ``start``, or it is ``skipped`` or ``missed`` for the reason; `count` of them up to `last_at`."""

    at: datetime
    outcome: Literal["start", "skipped", "missed"]
    reason: str | None = None
    marks: tuple[str, ...] = ()
    count: int = 1
    last_at: datetime | None = None


@dataclass(frozen=True)
class Rules:
    """What decides on the due times of a flow."""

    schedule: Schedule
    misfire: Misfire = Misfire()
    #: Why nothing starts at all: the flow is ``paused`` or ``disabled``.
    inactive: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What a look came to: the firings in order, until when all due times have been treated, and the first one after that."""

    planned: tuple[Planned, ...]
    treated_until: datetime
    next_due_at: datetime | None


def look(rules: Rules, after: datetime, at: datetime) -> Look:
    """Look at the moment `at` at all due times after `after`; of more than `MOST_AT_ONCE`, at the first of them."""
    if at <= after:  # a clock that was set back makes nothing due twice
        return Look((), after, rules.schedule.next_due(after))
    dues = list(islice(takewhile(lambda due: due.at <= at, rules.schedule.due_times(after)), MOST_AT_ONCE))
    is_cut = len(dues) == MOST_AT_ONCE
    until = dues[-1].at if is_cut else at
    return Look(tuple(decide(dues, at, rules, is_cut=is_cut)), until, rules.schedule.next_due(until))


def decide(dues: Sequence[Due], at: datetime, rules: Rules, *, is_cut: bool = False) -> list[Planned]:
    """What becomes of the due times at the moment `at`; where the list is cut, later ones than its last are due too."""
    late = [due for due in dues if due.skip is None and at - due.at > LATE]
    has_later = is_cut or any(due.skip is None and at - due.at <= LATE for due in dues)
    kept = {due.at for due in _made_up_for(late, at, rules.misfire, has_later=has_later)} if not is_cut else set()
    return [_planned(due, at, rules, is_kept=due.at in kept) for due in dues]


def _made_up_for(late: Sequence[Due], at: datetime, misfire: Misfire, *, has_later: bool) -> Sequence[Due]:
    recent = [due for due in late if at - due.at <= misfire.window]
    if misfire.policy == "run_all":
        return recent[-misfire.most :]
    return recent[-1:] if misfire.policy == "run_once" and not has_later else ()


def _planned(due: Due, at: datetime, rules: Rules, *, is_kept: bool) -> Planned:
    if due.skip is not None or rules.inactive:
        return Planned(due.at, "skipped", due.skip or rules.inactive, due.marks)
    if is_kept or at - due.at <= LATE:
        return Planned(due.at, "start", None, due.marks)
    policy, window = rules.misfire.policy, rules.misfire.window
    reason = LATE_IS_SKIPPED if policy == "skip" else TOO_LATE if at - due.at > window else SUPERSEDED
    return Planned(due.at, "missed", reason, due.marks)


def folded(planned: Iterable[Planned]) -> list[Planned]:
    """The firings in order, with those that follow each other and came to nothing for the same reason as one."""
    rows: list[Planned] = []
    for one in planned:
        if rows and _continues(rows[-1], one):
            last = rows[-1]
            rows[-1] = replace(last, count=last.count + one.count, last_at=one.last_at or one.at)
        else:
            rows.append(one)
    return rows


def _continues(last: Planned, one: Planned) -> bool:
    """Whether a firing is counted together with the one before it."""
    return one.outcome != "start" and (last.outcome, last.reason) == (one.outcome, one.reason)
