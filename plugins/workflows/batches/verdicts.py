"""Results of runs in batches, and the interface of a kind of batch."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aasim_core.errors import Refused

from ...executions.models import Execution
from ..models import CANNOT, MOVES, RERUNS, STAYS

#: The order of results: obstacles first.
_ORDER = (CANNOT, STAYS, MOVES, RERUNS)
_MOST_SHOWN = 20
LONGEST_EXPLANATION = 1000


@dataclass(frozen=True)
class Verdict:
    """What becomes of a run, why, and the node in the way; of a re-run also which run was started, and what of its nodes."""

    verdict: str
    reason: str | None = None
    path: str | None = None
    explanation: str | None = None
    started_id: str | None = None
    nodes: Mapping[str, int] = field(default_factory=dict)
    costs: Mapping[str | None, int] = field(default_factory=dict)

    def columns(self) -> dict[str, Any]:
        """Return the values to store."""
        explanation = self.explanation and self.explanation[:LONGEST_EXPLANATION]
        facts = {"verdict": self.verdict, "reason": self.reason, "path": self.path}
        return {**facts, "explanation": explanation, "started_id": self.started_id}


class Work(Protocol):
    """What one kind of batches does; `together` is how many runs it is done for in one transaction."""

    together: int

    def refuse(self) -> None:
        """Raise the errors of the request."""

    def foresee(self, some: Sequence[Execution]) -> Iterator[Verdict]:
        """What would become of each of these runs."""

    def look_at(self, some: Sequence[Execution]) -> None:
        """Look at these runs, which come next; what was seen may be out of date when it is done."""

    def do(self, execution: Execution, key: str) -> Verdict | None:
        """Process one run, in the running transaction; None where it must be reread. `key` identifies the run in the batch."""


def refused_as(refused: Refused) -> Verdict:
    """What becomes of a run of which something is refused."""
    [problem, *_] = next(iter(refused.problems.values()))
    return Verdict(CANNOT, problem.code, explanation=problem.message)


def told(found: Iterable[tuple[str, Verdict]]) -> dict[str, Any]:
    """Return the expected results of these runs, given by id: in numbers, and in detail for some."""
    verdicts, nodes, costs = Counter[str](), Counter[str](), Counter[str | None]()
    shown: dict[str, list[dict[str, Any]]] = {verdict: [] for verdict in _ORDER}
    for execution_id, each in found:
        verdicts[each.verdict] += 1
        nodes.update(each.nodes)
        costs.update(each.costs)
        if len(shown[each.verdict]) < _MOST_SHOWN:
            columns = {name: value for name, value in each.columns().items() if name != "started_id"}
            shown[each.verdict].append({"execution_id": execution_id, **columns})
    return {
        "verdicts": counted(verdicts),
        "nodes": counted(nodes),
        "executions": [each for verdict in _ORDER for each in shown[verdict]][:_MOST_SHOWN],
        "estimated_costs": [{"currency": currency, "cost": cost} for currency, cost in costs.items()],
    }


def counted(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """How many there are of each verdict."""
    return [{"verdict": verdict, "count": count} for verdict, count in sorted(counts.items())]
