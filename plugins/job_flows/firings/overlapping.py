"""The `overlap` policy of a flow, as an admission rule of its runs."""

from collections.abc import Callable, Mapping
from typing import Any

from ...executions.service import Admit, Rule
from ..models import BRING_INPUT, BY_BACKFILL, JobFlow

#: Why nothing starts while the flow has its maximum number of running runs.
OVERLAP = "overlap"
#: How many runs of a queue without an end are queued as runs; the firings after them are parked.
_QUEUED_RUNS = 10
POLICIES = SKIP, QUEUE, LATEST_ONLY, CANCEL_PREVIOUS, PARALLEL = ("skip", "queue", "latest_only", "cancel_previous", "parallel")

_RULES: Mapping[str, Callable[[int | None], Rule]] = {
    SKIP: lambda most: Rule(1, "refuse"),
    QUEUE: lambda most: Rule(1, "queue", longest=_QUEUED_RUNS if most is None else most),
    LATEST_ONLY: lambda most: Rule(1, "latest_only"),
    CANCEL_PREVIOUS: lambda most: Rule(1, "cancel_oldest"),
    PARALLEL: lambda most: Rule(most, "refuse"),
}


def default_for(trigger_type: str) -> dict[str, Any]:
    """Return the `overlap` of a flow that names none: no event and no request is left out."""
    return {"policy": QUEUE, "max": None} if trigger_type in BRING_INPUT else {"policy": SKIP, "max": 10}


def is_endless(overlap: Mapping[str, Any]) -> bool:
    """Return whether everything that comes waits for its turn, however much it is."""
    return overlap["policy"] == QUEUE and overlap["max"] is None


def rule_of(overlap: Mapping[str, Any]) -> Rule:
    """The rule by which runs of a flow with this `overlap` are admitted."""
    return _RULES[overlap["policy"]](overlap["max"])


def admission_of(flow: JobFlow, origin: str) -> Admit:
    """The admission that a run of the flow needs; those of backfills have slots of their own, and are refused where there is none."""
    if origin == BY_BACKFILL:
        most = flow.overlap["max"] if flow.overlap["policy"] == PARALLEL else 1
        return Admit(f"job_flow/{flow.id}/backfill", Rule(most, "refuse"))
    return Admit(f"job_flow/{flow.id}", rule_of(flow.overlap))
