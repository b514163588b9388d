"""The questions of nodes to people: sealed with what follows, and asked again where that is another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from aasim_core.data.records import find_or_none

from ...executions import service as executions
from ...executions.hookspecs import Question
from ...executions.models import Execution
from ...executions.service import Settled
from .. import service
from ..hookspecs import NodeUse
from ..kernel.flow import CANCELLED, RUN, SKIPPED
from ..models import NodeRow
from .continuations import DIGEST, seal

if TYPE_CHECKING:
    from aasim_core.app import App

#: Why a question was closed that a move made another one.
MOVED = "The run moved to another version, in which something else follows; this is asked again."
_CHANGED = "What follows has changed since this was asked, so it is asked again."
_NOT_RECORDED = "This was asked before an upgrade, when it was not recorded what follows, so it is asked again."


class Again(NamedTuple):
    """A question that replaces the approval of that id, with its action; `is_fixed`: nothing of that can be edited."""

    approval_id: str | None
    reason: str
    is_fixed: bool = False

    @property
    def told(self) -> dict[str, Any]:
        """The data of a line in the log."""
        return {"approval_id": self.approval_id, "reason": self.reason}


def repeated(paths: Sequence[str]) -> str:
    """Why a question is asked again in a rerun that repeats these nodes."""
    what = f": {', '.join(paths)}" if paths else ""
    return f"This was decided in an earlier run, and is asked again, since what follows is done again{what}."


def asked(ask: Callable[[NodeUse, str], Question], use: NodeUse, again: Mapping[str, Any] | None, question_id: str) -> Question:
    """The question of a node, sealed with what follows; one that is asked `again` has the action of the one that it replaces."""
    question, sealed = ask(use, question_id), seal(use.app, use.execution)
    if again is None:
        return replace(question, action={**question.action, **sealed})
    former = executions.decision_on(use.app, again["approval_id"])
    return replace(
        question,
        action={**(question if former is None else former).action, **sealed},
        editable=() if again["is_fixed"] else question.editable,
        replaces=again["approval_id"],
        reason=again["reason"],
    )


def outdated(app: "App", child_id: str | None, settled: Settled) -> Again | None:
    """The question to ask instead of the one that the child has asked, where something else follows it now; or else None."""
    child = find_or_none(Execution, child_id or "")
    if child is None or settled.kind != "child":
        return None
    question_id = executions.last_question(child.id)
    if child.cancel_reason == MOVED:
        return Again(question_id, MOVED)
    decision = executions.decision_on(app, question_id)
    if settled.status != "succeeded" or decision is None:
        return None
    if DIGEST not in decision.action:
        return Again(question_id, _NOT_RECORDED)
    return Again(question_id, _CHANGED) if decision.action[DIGEST] != seal(app, child)[DIGEST] else None


# The questions of a whole run.


def nodes_done_by_runs(some: Sequence[Execution]) -> Mapping[str, Sequence[NodeRow]]:
    """The nodes of each of these runs that runs of their own do, or have done for an earlier run."""
    found: dict[str, list[NodeRow]] = {execution.id: [] for execution in some}
    by_runs = NodeRow.child_id.is_null(False) | NodeRow.reused_from.is_null(False)
    for row in NodeRow.select().where(NodeRow.execution_id.in_(list(found)), NodeRow.path != RUN, by_runs) if found else ():
        found[row.execution_id].append(row)
    return found


def open_below(nodes: Sequence[NodeRow]) -> Iterator[Execution]:
    """The runs that wait for people at one of these nodes, or in a workflow that one of them has started."""
    ids = [row.child_id for row in nodes if row.state != "ended"]
    for child in Execution.select().where(Execution.id.in_(ids), Execution.finished_at.is_null()) if ids else ():
        if child.kind == service.KIND:
            yield from open_below(nodes_done_by_runs([child])[child.id])
        elif child.kind == service.NODE_KIND and executions.last_question(child.id) is not None:
            yield child


def decided_at(nodes: Sequence[NodeRow]) -> Mapping[str, str]:
    """The paths of those of a run's nodes for which people have decided something, with the runs of these nodes."""
    runs = {row.path: run_id for row in nodes if (run_id := _done_by(row)) is not None}
    over = {row.path for row in nodes if row.state == "ended" and row.outcome not in (SKIPPED, CANCELLED)}
    asked = executions.asked_among([runs[path] for path in over & runs.keys()])
    return {path: run_id for path, run_id in runs.items() if (run_id in asked if path in over else _has_decided(run_id))}


def _done_by(row: NodeRow) -> str | None:
    while row.child_id is None and row.reused_from is not None and row.edited_by is None:
        former = NodeRow.get_or_none(NodeRow.execution_id == row.reused_from, NodeRow.path == row.path)
        if former is None:
            return None
        row = former
    run_id: str | None = row.child_id
    return run_id


def _has_decided(execution_id: str) -> bool:
    """Whether people have decided something in the run of a node that is not over: in a workflow, or in what has ended meanwhile."""
    execution = find_or_none(Execution, execution_id)
    if execution is None or executions.is_over(execution.status):
        return bool(executions.asked_among([execution_id]))
    return execution.kind == service.KIND and bool(decided_at(nodes_done_by_runs([execution])[execution.id]))
