"""The batch that migrates runs to another version."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aasim_core.errors import Invalid

from ...executions import service as executions
from ...executions.models import Execution
from .. import service, validation
from ..models import Workflow
from ..moving import acting
from ..moving.deciding import Decided, Destination
from .verdicts import Verdict

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal


class Migrating:
    """Moves runs to the version that was asked for."""

    together = 25

    def __init__(self, app: "App", workflow: Workflow, asked: Mapping[str, Any], principal: "Principal") -> None:
        self._app, self._workflow, self._to, self._principal = app, workflow, asked["to"], principal
        self._seen: dict[str, tuple[Decided, executions.Logbook | None]] = {}

    @cached_property
    def _destination(self) -> Destination:
        return Destination(self._workflow, self._to)

    def refuse(self) -> None:
        """Invalid for a version that there is not, or that could not be active."""
        try:
            definition = service.definition_at(self._workflow, self._to)
            validation.refuse(validation.faults(self._app, definition, self._principal, self._workflow.id))
        except Invalid as invalid:
            raise Invalid({"to": [problem for problems in invalid.problems.values() for problem in problems]}) from invalid

    def foresee(self, some: Sequence[Execution]) -> Iterator[Verdict]:
        """What would become of each of these runs."""
        return map(_told, self._destination.decide_all(some))

    def look_at(self, some: Sequence[Execution]) -> None:
        """See which of them move; the others are decided at their turn."""
        decided = zip(some, self._destination.decide_all(some), strict=True)
        moving = [(execution, each) for execution, each in decided if each.moves is not None]
        logs = executions.Logbook.of_many(self._app, [execution for execution, _ in moving])
        self._seen = {execution.id: (each, logs[execution.id]) for execution, each in moving}

    def do(self, execution: Execution, key: str) -> Verdict | None:
        """Move the run, if it can be."""
        is_seen = execution.id in self._seen
        decided, log = self._seen.pop(execution.id) if is_seen else (self._destination.decide(execution), None)
        return _told(decided) if acting.move(self._app, execution, self._destination.number, decided, log) else None


def _told(decided: Decided) -> Verdict:
    return Verdict(decided.verdict, decided.reason, decided.path, decided.explanation)
