"""What batches tell of runs, and what does the work of one kind of batches."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aasim_core.errors import Refused

from ...executions.models import Execution
from ..models import CANNOT, MOVES, RERUNS, STAYS

#: In this order runs are told: first what is in the way of something.
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
        """What is kept of it."""
        explanation = self.explanation and self.explanation[:LONGEST_EXPLANATION]
        facts = {"verdict": self.verdict, "reason": self.reason, "path": self.path}
        return {**facts, "explanation": explanation, "started_id": self.started_id}


class Work(Protocol):
    """What one kind of batches does; `together` is how many runs it is done for in one transaction."""

    together: int

    def refuse(self) -> None:
        """Raise what is wrong with what was asked."""

    def foresee(self, some: Sequence[Execution]) -> Iterator[Verdict]:
        """What would become of each of these runs."""

    def look_at(self, some: Sequence[Execution]) -> None:
        """Look at these runs, which come next; what was seen may be out of date when it is done."""

    def do(self, execution: Execution, key: str) -> Verdict | None:
        """Do it for one run, in the running transaction; None where that is to be read anew. `key` names the run of the batch."""


def refused_as(refused: Refused) -> Verdict:
    """What becomes of a run of which something is refused."""
    [problem, *_] = next(iter(refused.problems.values()))
    return Verdict(CANNOT, problem.code, explanation=problem.message)


def told(found: Iterable[tuple[str, Verdict]]) -> dict[str, Any]:
    """What would become of these runs, which are told by their ids: in numbers, and of some of them each."""
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
