"""Compute a verdict from the scores of criteria, without any I/O."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Verdict = Literal["pass", "review", "fail", "unscored"]
Aggregation = Literal["weighted_mean", "min", "all"]

AGGREGATIONS: tuple[Aggregation, ...] = ("weighted_mean", "min", "all")
#: The worst first.
VERDICTS: tuple[Verdict, ...] = ("fail", "review", "unscored", "pass")
#: Weights are sums of decimal fractions, which floats do not hold exactly.
_SLACK = 1e-9


@dataclass(frozen=True)
class Mark:
    """What one criterion came to: a score from 0 to 1, or None where its grader abstained."""

    weight: float
    score: float | None
    must_pass: bool = False


@dataclass(frozen=True)
class Rule:
    """How marks become a verdict."""

    aggregation: Aggregation = "weighted_mean"
    threshold: float = 0.7
    min_coverage: float = 0.5


@dataclass(frozen=True)
class Outcome:
    """The verdict, the score of what was scored (None for nothing), and the share of the weight that was."""

    verdict: Verdict
    score: float | None
    coverage: float


def outcome_of(marks: Sequence[Mark], rule: Rule) -> Outcome:
    """The outcome of at least one mark.

    A criterion that must pass and does not fails the whole. Else it is unscored where the coverage is too small; passed or failed
    where what was not scored could not change that; and for a person to review where it could.
    """
    scored = [mark for mark in marks if mark.score is not None]
    coverage = sum(mark.weight for mark in scored) / sum(mark.weight for mark in marks)
    score = _aggregate(scored, rule) if scored else None
    return Outcome(_verdict(marks, rule, coverage), None if score is None else round(score, 6), round(coverage, 6))


def passes(score: float, threshold: float) -> bool:
    """Whether a score reaches the threshold."""
    return score >= threshold - _SLACK


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on what several rubrics judged; at least one."""
    return min(verdicts, key=VERDICTS.index)


def _verdict(marks: Sequence[Mark], rule: Rule, coverage: float) -> Verdict:
    if not _required_pass([mark for mark in marks if mark.score is not None], rule):
        return "fail"
    if coverage < max(rule.min_coverage - _SLACK, _SLACK):
        return "unscored"
    at_best, at_worst = (_meets(_completed(marks, score), rule) for score in (1.0, 0.0))
    return "pass" if at_worst else "review" if at_best else "fail"


def _completed(marks: Sequence[Mark], score: float) -> list[Mark]:
    """The marks as if every grader that abstained had given this score."""
    return [replace(mark, score=score) if mark.score is None else mark for mark in marks]


def _meets(marks: Sequence[Mark], rule: Rule) -> bool:
    """Whether marks none of which is empty pass."""
    if rule.aggregation == "all":
        return all(passes(mark.score or 0.0, rule.threshold) for mark in marks)
    return _required_pass(marks, rule) and passes(_aggregate(marks, rule), rule.threshold)


def _required_pass(marks: Sequence[Mark], rule: Rule) -> bool:
    return all(passes(mark.score or 0.0, rule.threshold) for mark in marks if mark.must_pass)


def _aggregate(marks: Sequence[Mark], rule: Rule) -> float:
    """The score of marks none of which is empty: the mean, the lowest, or for `all` the share of the weight that passes."""
    weight = sum(mark.weight for mark in marks)
    if rule.aggregation == "min":
        return min(mark.score or 0.0 for mark in marks)
    if rule.aggregation == "all":
        return sum(mark.weight for mark in marks if passes(mark.score or 0.0, rule.threshold)) / weight
    return sum(mark.weight * (mark.score or 0.0) for mark in marks) / weight
