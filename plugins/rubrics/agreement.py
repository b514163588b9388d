"""The agreement of a judge with people, beyond chance."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

#: Fewer labels say too little to keep a judge from deciding.
ENOUGH_LABELS = 20
#: Below it, a judge may not decide what becomes of a result.
LEAST_KAPPA = 0.6


@dataclass(frozen=True)
class Agreement:
    """Of `labels` pairs the share that is the same, and Cohen's kappa; None where chance alone would bring full agreement."""

    labels: int
    observed: float | None
    kappa: float | None

    @property
    def may_gate(self) -> bool:
        """Whether the judge may decide: it was not found to disagree."""
        return self.labels < ENOUGH_LABELS or self.kappa is None or self.kappa >= LEAST_KAPPA


def agreement_of(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """The agreement of two raters over (one's verdict, the other's verdict).

    Source: J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20 (1960).
    """
    total = len(pairs)
    if not total:
        return Agreement(0, None, None)
    observed = sum(one == other for one, other in pairs) / total
    ones, others = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    by_chance = sum(ones[verdict] * others[verdict] for verdict in ones) / total**2
    kappa = None if by_chance == 1 else round((observed - by_chance) / (1 - by_chance), 6)
    return Agreement(total, round(observed, 6), kappa)
