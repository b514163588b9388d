"""Compensate an unsuccessful run: its compensation nodes run in reverse order, in a run of their own.

It has no state besides the records of its calls: what was undone is read back from these after a crash.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aasim_core.clock import now
from aasim_core.data.records import database_of, find_or_none
from aasim_core.errors import Refused
from aasim_core.jobs.queue import enqueue

from ...executions import service as executions
from ...executions.hookspecs import LOOK_AGAIN_SECONDS, Finished, Question, Run, RunFailed, RunLater, Runner, ToolError, ToolLater
from ...executions.models import DONE, Execution, ToolCall
from .. import service
from ..definition import Definition
from ..hookspecs import NodeFailed, NodeUse, Result
from ..kernel.flow import CANCELLED, ERROR, RUN, SKIPPED
from ..models import OUTPUT, NodeRow
from . import calls
from .data import Data
from .enabled_types import enabled_type
from .results import Results
from .stored_flow import whole_flow

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.events.records import EventRow
    from aasim_core.jobs.context import JobContext

#: The kind of the runs that undo others.
KIND = "workflow_compensation"
#: The job that begins to undo a run.
UNDO = "workflows.undo"
#: After what ends of a run it is undone.
ENDS = ("failed", "cancelled", "timed_out")
_SOON_SECONDS = 1.0
#: More than there are nodes in a run.
_LAST = 1_000_000
Compute = Callable[[Mapping[str, Any], Data], Result]


def is_of_workflow(event: "EventRow") -> bool:
    """Whether it is a run of a workflow that has ended."""
    return bool(event.data) and event.data["kind"] == service.KIND


def undo_later(event: "EventRow") -> None:
    """Have a run undone that did not succeed, as soon as something may begin."""
    enqueue(UNDO, {"execution_id": event.subject_id}, unique_key=event.subject_id)


def undo(app: "App", context: "JobContext", payload: Mapping[str, Any]) -> None:
    """Begin to undo a run; later, where nothing may begin now."""
    execution = find_or_none(Execution, payload["execution_id"])
    try:
        with database_of(Execution).transaction():
            if execution is not None:
                start(app, execution)
    except Refused as refused:
        context.hand_back(now() + timedelta(seconds=refused.retry_after or LOOK_AGAIN_SECONDS))


def is_due(execution: Execution) -> bool:
    """Return whether an ended run's effects are to be undone, and this has not begun yet."""
    definition = _definition_of(execution) if execution.status in ENDS else None
    return definition is not None and any(True for _ in _to_undo(execution, definition))


def start(app: "App", execution: Execution, parent: Execution | None = None) -> Execution | None:
    """Have a run undone, once; None where there is nothing to undo."""
    definition = _definition_of(execution)
    if definition is None or not any(_to_undo(execution, definition)):
        return None
    undoing = executions.start(
        app,
        KIND,
        {"execution_id": execution.id},
        label=f"Undoing {execution.label}",
        initiator_id=execution.initiator_id or "",
        project_id=execution.project_id,
        trigger={"type": "compensation", "id": execution.id},
        key=f"compensation:{execution.id}",
        parent=parent,
        undoes=execution,
        api_key_id=execution.api_key_id,
        effects_as=f"undo:{executions.identity_of(execution)}",
    )
    NodeRow.update(child_id=undoing.id).where(NodeRow.execution_id == execution.id, NodeRow.path == RUN).execute()
    return undoing


def undone_by(execution_id: str) -> list[str]:
    """The paths of the nodes that such a run has undone; Refused ``invalid_state`` unless it has succeeded."""
    undoing = find_or_none(Execution, execution_id)
    if undoing is None or undoing.status != "succeeded":
        status = "gone" if undoing is None else undoing.status
        raise Refused(
            "invalid_state", f"What the run has done is to be undone first, and {execution_id}, which does that, is {status}."
        )
    return [each["path"] for each in undoing.output["undone"]]


def compensation_runner(app: "App") -> Runner:
    """The runner of the kind ``workflow_compensation``."""
    return Runner(KIND, partial(_run, app))


def _run(app: "App", run: Run) -> Finished:
    execution = find_or_none(Execution, run.execution.input["execution_id"])
    definition = None if execution is None else _definition_of(execution)
    if execution is None or definition is None:
        raise RunFailed("execution_missing", "The run that was to be undone is gone.")
    _wait_for_children(execution)
    flow, results, undone = whole_flow(execution, definition.graph), Results(execution), []
    for number, (row, output) in enumerate(_to_undo(execution, definition), start=1):
        _undo_child(app, run, number, row)
        if (written := definition.nodes[row.node].get("compensate")) is not None:
            data = Data(execution, definition, flow, results, row.scope, row.node, more={"node": {"output": output}})
            undone.append({"path": row.path, "result": _undo(app, run, number, row, written, data)})
    return Finished({"undone": undone})


def _wait_for_children(execution: Execution) -> None:
    """Raise `RunLater` while work that the run had begun continues: its effects must then be undone too."""
    children = Execution.select(Execution.id).where(Execution.parent_id == execution.id, Execution.kind != KIND)
    if children.where(Execution.finished_at.is_null()).exists():
        raise RunLater(_SOON_SECONDS, "What the run had begun has not come to an end yet.")


def _definition_of(execution: Execution) -> Definition | None:
    return service.pinned_definition(execution.subject_id or "", execution.subject_version or 0)


def _to_undo(execution: Execution, definition: Definition) -> Iterator[tuple[NodeRow, Any]]:
    """What was done and says how to undo it, or was done by a run that has something to undo, with its output; the last first."""
    ids = [
        node_id for node_id, written in definition.nodes.items() if "compensate" in written or written["type"] == "sub_workflow"
    ]
    rows = NodeRow.select().where(NodeRow.execution_id == execution.id, NodeRow.node.in_(ids), NodeRow.reused_from.is_null())
    results = Results(execution)
    for row in sorted(rows, key=lambda row: row.ended or row.number + _LAST, reverse=True):
        done = [results.get(row.path, OUTPUT)] if row.state == "ended" else _done_meanwhile(execution, row)
        has_outcome = row.outcome not in (ERROR, SKIPPED, CANCELLED)
        if done and has_outcome and ("compensate" in definition.nodes[row.node] or _has_to_undo(row)):
            yield row, done[0]


def _done_meanwhile(execution: Execution, row: NodeRow) -> list[Any]:
    """The output of a node that was done, although its run ended before it took note of that; empty for any other."""
    if (child := find_or_none(Execution, row.child_id or "")) is not None:
        output = child.output["output"] if child.kind == service.NODE_KIND and child.output else child.output
        return [output] if child.status == "succeeded" else []
    mine = (ToolCall.execution_id == execution.id, ToolCall.turn == row.number, ToolCall.position == row.attempt - 1)
    call = ToolCall.get_or_none(*mine)
    return [call.result["result"]] if call is not None and call.status == DONE and "result" in call.result else []


def _has_to_undo(row: NodeRow) -> bool:
    """Whether the workflow that did the node has something to undo."""
    child = find_or_none(Execution, row.child_id or "")
    definition = None if child is None or child.kind != service.KIND else _definition_of(child)
    return child is not None and definition is not None and any(True for _ in _to_undo(child, definition))


def _undo_child(app: "App", run: Run, number: int, row: NodeRow) -> None:
    """Have the workflow that did the node undone first, where it has something to undo."""
    child = find_or_none(Execution, row.child_id or "")
    if child is None or not _has_to_undo(row):
        return
    ended = run.child(f"child_{number}", lambda parent: start(app, child, parent) or parent)()
    if ended.status != "succeeded":
        raise RunFailed("compensation_failed", f"What {row.path} did was not undone.", meta={"path": row.path})


def _undo(app: "App", run: Run, number: int, row: NodeRow, written: Mapping[str, Any], data: Data) -> Any:
    """Return the result of undoing one node. If it fails, people are asked whether it was done in another way."""
    try:
        kind = enabled_type(app, written["type"], f"the undoing of {row.path}")
        config = written.get("config") or {}
        if kind.compute is not None:
            return _computed(run, kind.compute, config, row, data)
        label, key = f"the undoing of {row.path}", f"{executions.identity_of(run.execution)}:{row.path}"
        given = data.fill(written.get("input"))
        use = NodeUse(app, run.execution, kind.type, row.path, data.fill_for(kind, config), given, label, key)
        if kind.child is not None:
            return _done_by_run(run, partial(kind.child, use), number, row.path)
        return calls.make_once(run, calls.bound_of(kind, use), number, row.path)
    except ToolError as failed:
        return _ask(run, row, failed)


def _computed(run: Run, compute: Compute, config: Mapping[str, Any], row: NodeRow, data: Data) -> Any:
    """What a node gives that only writes; that is written in the transaction that records the step."""

    def make() -> Any:
        result = compute(config, data)
        if result.also is not None:
            run.also(result.also)
        return result.output

    return run.step(f"undo:{row.path}", make)


def _done_by_run(run: Run, begin: Callable[[], Execution], number: int, path: str) -> Any:
    """What the run gives that undoes a node; raises ToolError where it cannot begin, or does not succeed."""

    def start(_: Execution) -> Execution:
        try:
            return begin()
        except ToolLater as later:
            raise later.ends_turn() from later
        except Refused as refused:
            if refused.retry_after is not None:
                raise
            raise NodeFailed(refused.code, refused.message) from refused

    ended = run.child(f"undo_{number}", start)()
    if ended.status != "succeeded":
        raise NodeFailed(ended.status, f"The run that was to undo {path} was {ended.status}.")
    return ended.data


def _ask(run: Run, row: NodeRow, failed: ToolError) -> Any:
    message = f"Undoing {row.path} failed: {failed.message}"
    run.log("compensation_failed", message, path=row.path, level="error", data={"path": row.path, "code": failed.code})
    decision = run.ask(partial(_question, run, row, message))
    if decision is None or not decision.approved:
        raise RunFailed("compensation_failed", message, meta={"path": row.path})
    return {"comment": decision.comment}


def _question(run: Run, row: NodeRow, message: str, question_id: str) -> Question:
    return Question(
        id=question_id,
        kind="unknown_outcome",
        execution=run.execution,
        step=run.number,
        path=row.path,
        title=f"Has {row.path} been undone in another way?",
        summary=message[:500],
        action={"tool": row.path, "arguments": {}},
        initiator_id=run.execution.initiator_id or "",
        is_asked=True,
        risk="high",
    )
