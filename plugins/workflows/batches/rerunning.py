"""The batch that reruns parts of ended runs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core.errors import Refused

from ...executions.models import Execution
from .. import service
from ..models import RERUNS, REUSED, Workflow
from ..rerun import Planned, Rerun
from .verdicts import Verdict, refused_as

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal


class Rerunning:
    """Does runs again from the paths that were asked for, or from what failed."""

    together = 1  # where one may not begin yet, those before it have

    def __init__(self, app: "App", workflow: Workflow, asked: Mapping[str, Any], principal: "Principal") -> None:
        self._app, self._workflow, self._principal = app, workflow, principal
        self._paths, self._version = asked["paths"], asked.get("version")
        self._wanted = asked["filter"]

    def refuse(self) -> None:
        """Invalid for a version that there is not."""
        if self._version is not None:
            service.definition_at(self._workflow, self._version)

    def foresee(self, some: Sequence[Execution]) -> Iterator[Verdict]:
        """What would become of each of these runs."""
        return map(self._foreseen, some)

    def look_at(self, some: Sequence[Execution]) -> None:
        """There is nothing to look at before the turn of each."""

    def do(self, execution: Execution, key: str) -> Verdict:
        """Do it again, once for the key; `Refused` where that cannot be."""
        rerun = Rerun(self._app, execution, self._paths, {}, self._version)
        return Verdict(RERUNS, started_id=rerun.start(self._principal, key).id)

    def _foreseen(self, execution: Execution) -> Verdict:
        try:
            plan = Rerun(self._app, execution, self._paths, {}, self._version).plan()
        except Refused as refused:
            return refused_as(refused)
        return Verdict(RERUNS, nodes=Counter(each.verdict for each in plan), costs=_costs(plan))


def _costs(plan: Sequence[Planned]) -> Mapping[str | None, int]:
    costs: Counter[str | None] = Counter()
    for each in plan:
        if each.verdict != REUSED and each.cost is not None:
            costs[each.currency] += each.cost
    return costs
