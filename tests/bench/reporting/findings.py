"""What a measurement found: figures beside their goals, kept in tests/bench/kept.json and shown as tables.

What they come from is left in var/bench.
"""

import json
import operator
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..contestants.handmade import ROOT

FOLDER = ROOT / "var" / "bench"
#: The findings of the last measurement of each name and database, from which docs/benchmarks.md is written.
_KEPT = ROOT / "tests" / "bench" / "kept.json"
_HOLDS = {"≥": operator.ge, "≤": operator.le}


@dataclass(frozen=True)
class Goal:
    """A bound that a figure keeps to: `sign` is ≥ or ≤."""

    sign: str
    bound: float
    unit: str = ""

    def met(self, value: float) -> bool:
        """Whether `value` keeps to the bound."""
        return bool(_HOLDS[self.sign](value, self.bound))

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}{self.unit}"


@dataclass(frozen=True)
class Finding:
    """One figure: what it is, its value, and the goal that it has, if any."""

    what: str
    value: float
    unit: str = ""
    goal: str = ""
    met: bool | None = None
    note: str = ""

    @property
    def shown(self) -> str:
        """The value as people read it."""
        digits = 0 if self.value >= 100 else 1 if self.value >= 10 else 2
        return f"{self.value:,.{digits}f}{self.unit}"


def found(what: str, value: float, goal: Goal | None = None, *, unit: str = "", note: str = "") -> Finding:
    """A finding, judged by its goal."""
    if goal is None:
        return Finding(what, value, unit, note=note)
    return Finding(what, value, unit or goal.unit, str(goal), goal.met(value), note)


@dataclass(frozen=True)
class Measurement:
    """Everything that one measurement found on one database: `rates` are a contestant's title and its figures.

    `load` is the machine's load average before it began: above nothing, others used the machine, too.
    """

    name: str
    database: str
    findings: Sequence[Finding]
    rates: dict[str, float] = field(default_factory=dict)
    raw: Any = None
    command: str = ""
    load: float = 0
    at: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))

    @property
    def title(self) -> str:
        """What it is, and where."""
        return f"{self.name}-{self.database}"


def keep(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Keep them instead of the earlier ones of the same name and database; returns all, by name and database."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for measurement in measurements:
        (FOLDER / f"{measurement.title}.json").write_text(_json(asdict(measurement)))
    everything = {each.title: each for each in (*_kept(), *measurements)}
    found = [everything[title] for title in sorted(everything)]
    _KEPT.write_text(_json([{**asdict(each), "raw": None} for each in found]) + "\n")
    return found


def _kept() -> list[Measurement]:
    found = json.loads(_KEPT.read_text())
    return [Measurement(**{**each, "findings": [Finding(**finding) for finding in each["findings"]]}) for each in found]


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False)


def missed(measurements: Iterable[Measurement]) -> list[str]:
    """A sentence for every goal that was not reached."""
    return [
        f"{measurement.name} on {measurement.database}: {finding.what} is {finding.shown}, the goal is {finding.goal}"
        for measurement in measurements
        for finding in measurement.findings
        if finding.met is False
    ]
