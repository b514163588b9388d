"""The `overlap` policy of a flow, as an admission rule of its runs."""

from collections.abc import Callable, Mapping
from typing import Any

from ...executions.service import Admit, Rule
from ..models import BY_BACKFILL, JobFlow

#: Why nothing starts while the flow has its maximum number of running runs.
OVERLAP = "overlap"
POLICIES = SKIP, QUEUE, LATEST_ONLY, CANCEL_PREVIOUS, PARALLEL = ("skip", "queue", "latest_only", "cancel_previous", "parallel")

_RULES: Mapping[str, Callable[[int], Rule]] = {
    SKIP: lambda most: Rule(1, "refuse"),
    QUEUE: lambda most: Rule(1, "queue", longest=most),
    LATEST_ONLY: lambda most: Rule(1, "latest_only"),
    CANCEL_PREVIOUS: lambda most: Rule(1, "cancel_oldest"),
    PARALLEL: lambda most: Rule(most, "refuse"),
}


def rule_of(overlap: Mapping[str, Any]) -> Rule:
    """The rule by which runs of a flow with this `overlap` are admitted."""
    return _RULES[overlap["policy"]](overlap["max"])


def admission_of(flow: JobFlow, origin: str) -> Admit:
    """The admission that a run of the flow needs; those of backfills have slots of their own, and are refused where there is none."""
    if origin == BY_BACKFILL:
        most = flow.overlap["max"] if flow.overlap["policy"] == PARALLEL else 1
        return Admit(f"job_flow/{flow.id}/backfill", Rule(most, "refuse"))
    return Admit(f"job_flow/{flow.id}", rule_of(flow.overlap))
