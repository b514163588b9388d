"""Compare two evaluations case by case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..verdict import VERDICTS, Verdict


@dataclass(frozen=True)
class Result:
    """What became of one example in one evaluation; without a verdict where its run gave no output."""

    verdict: Verdict | None
    score: float | None


@dataclass(frozen=True)
class Comparison:
    """The examples (by id) that got worse and better, the worst changes first, and how many did not change or have no counterpart."""

    worse: Sequence[str]
    better: Sequence[str]
    unchanged: int
    without_counterpart: int


def compare(before: Mapping[str, Result], after: Mapping[str, Result]) -> Comparison:
    """How the results `after` differ from those `before`, both by the id of the example."""
    common = [example for example in after if example in before]
    changes = {example: _rank(after[example]) - _rank(before[example]) for example in common}
    by_size = sorted(common, key=lambda example: (changes[example], example))
    return Comparison(
        worse=[example for example in by_size if changes[example] < 0],
        better=[example for example in reversed(by_size) if changes[example] > 0],
        unchanged=sum(change == 0 for change in changes.values()),
        without_counterpart=len(before.keys() ^ after.keys()),
    )


def _rank(result: Result) -> float:
    """A number that orders results: the verdict first, the score within it; no output is worse than any."""
    if result.verdict is None:
        return -1.0
    return 2.0 * VERDICTS.index(result.verdict) + (result.score or 0.0)
