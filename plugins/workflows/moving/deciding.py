"""Decide whether a run can be migrated: the kernel's verdict on its flow, and other obstacles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Any

from aasim_core.context import current_organization
from aasim_core.user_code import json_schema

from ...executions import service as executions
from ...executions.models import Execution
from .. import service
from ..kernel.flow import Instance
from ..kernel.moving import Moves, move, renamed, with_names
from ..models import CANNOT, MOVES, STAYS, NodeRow, Workflow
from ..shell.questions import decided_at, nodes_done_by_runs
from ..shell.stored_flow import flow_of
from .difference import GONE, Change, change

#: The statuses of runs that somebody works on.
_AT_WORK = ("running", "cancelling")
#: Over how many versions it is followed what became of the names of nodes.
_MOST_BETWEEN = 100
_EXPLANATIONS: Mapping[str, str] = {
    "gone": "{path} has begun, and is not in version {to}; give the node that continues it the field was, with the value {node}.",
    "changed": "{path} has begun, and does something else in version {to}.",
    "way": "{path} has begun, and would not have begun yet in version {to}, since other nodes lead to it there.",
    "condition": "{path} is over, and a condition that was not looked at then decides in version {to} what comes after it.",
    "error": "{path} has failed, and no edge takes its error in version {to}.",
    "body": "Of {path}, items or rounds are over, and the body is another one in version {to}.",
    "cancels": "{path} has cancelled what nobody waited for any more, which would be something else in version {to}.",
    "ending": "{path} has ended the run, which only waits for what is still at work.",
    "decided": "People have decided {path}, and something else follows it in version {to}; let the run end, or start another.",
}


@dataclass(frozen=True)
class Decided:
    """What becomes of a run: the verdict, why it does not move, and the node in the way.

    Of one that moves, what differs between the versions, its instances as they are under the later names, the flow there, and its nodes
    that runs of their own do.
    """

    verdict: str
    reason: str | None = None
    path: str | None = None
    explanation: str | None = None
    change: Change | None = None
    instances: Mapping[str, Instance] = field(default_factory=dict)
    moves: Moves | None = None
    done_by_runs: Sequence[NodeRow] = ()


class Destination:
    """The version that runs of a workflow are to move to."""

    def __init__(self, workflow: Workflow, number: int) -> None:
        self.number = number
        self._workflow = workflow
        self._schema = service.definition_at(workflow, number).get("input_schema")

    def decide(self, execution: Execution) -> Decided:
        """What becomes of the run, as it is in the running transaction."""
        [decided] = self.decide_all([execution])
        return decided

    def decide_all(self, some: Sequence[Execution]) -> Iterator[Decided]:
        """What becomes of each of these runs."""
        live = NodeRow.select().where(NodeRow.execution_id.in_([each.id for each in some]), NodeRow.is_live)
        grouped = groupby(live.order_by(NodeRow.execution_id, NodeRow.number), key=lambda row: row.execution_id)
        rows = {execution_id: list(group) for execution_id, group in grouped}
        by_runs = nodes_done_by_runs(some)
        return (self._decide(execution, rows.get(execution.id, ()), by_runs[execution.id]) for execution in some)

    def _decide(self, execution: Execution, rows: Sequence[NodeRow], done_by_runs: Sequence[NodeRow]) -> Decided:
        if (stays := self._stays(execution)) is not None:
            return stays
        former = execution.subject_version or 0
        if (found := _change(current_organization(), self._workflow.id, former, self.number)) is None:
            return Decided(CANNOT, "version_missing", explanation=f"Its version {former} is not there any more.")
        if (misfit := self._misfit(execution)) is not None:
            return misfit
        flow = flow_of(rows, found.before)
        named = with_names(flow, found.before, found.names)
        result = move(named, found.after, found.difference)
        if not isinstance(result, Moves):
            former_paths = {renamed(path, found.names): path for path in flow.instances}
            return self._in_the_way(former_paths.get(result.path, result.path), result.reason)
        if (path := _decided_for_other(done_by_runs, found)) is not None:
            return self._in_the_way(path, "decided")
        return Decided(MOVES, change=found, instances=named.instances, moves=result, done_by_runs=done_by_runs)

    def _stays(self, execution: Execution) -> Decided | None:
        if executions.is_over(execution.status):
            return Decided(STAYS, "over", explanation=f"It is over: {execution.status}.")
        if execution.subject_version == self.number:
            return Decided(STAYS, "there", explanation=f"It is at version {self.number} already.")
        if execution.status in _AT_WORK:
            return Decided(STAYS, "at_work", explanation="It is at work just now; ask again when it waits.")
        return None

    def _misfit(self, execution: Execution) -> Decided | None:
        """Whether another version takes no such input."""
        before = service.pinned_definition(self._workflow.id, execution.subject_version or 0)
        if self._schema is None or before is None or before.written.get("input_schema") == self._schema:
            return None
        if not (broken := json_schema.violations(self._schema, execution.input)):
            return None
        path, message = broken[0]
        explanation = f"Its input does not meet the input_schema of version {self.number}: {path}: {message}"
        return Decided(CANNOT, "input", explanation=explanation[:1000])

    def _in_the_way(self, path: str, reason: str) -> Decided:
        node = _ids_in(path)[-1]
        return Decided(CANNOT, reason, path, _EXPLANATIONS[reason].format(path=path, node=node, to=self.number))


def _decided_for_other(nodes: Sequence[NodeRow], change: Change) -> str | None:
    """The path of a node that people have decided for something else than what follows after the change."""
    decided = decided_at(nodes) if change.continuations else ()
    return next((path for path in decided if change.continuations & {change.names[id_] for id_ in _ids_in(path)}), None)


def _ids_in(path: str) -> list[str]:
    """The ids of the node of a path, and of the loops that it is in."""
    return [segment.partition("[")[0].partition("#")[0] for segment in path.split(".")]


@lru_cache(maxsize=64)
def _change(organization_id: str, workflow_id: str, former: int, to: int) -> Change | None:
    """What differs between two versions, which never change; None where one is gone."""
    first, last = sorted((former, to))
    numbers = range(first, last + 1) if last - first <= _MOST_BETWEEN else (first, last)
    versions: list[Any] = [service.pinned_definition(workflow_id, number) for number in numbers]
    return None if None in versions else change(versions, is_back=to < former)


def is_gone(path: str) -> bool:
    """Whether a path with the later names is of a node that is not there any more."""
    return GONE in path
